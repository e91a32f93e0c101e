import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project, absolute. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Lists the files that belong to the project: all under the root but `.git` and what `.gitignore` names.
 * Returns paths from the root, with `/`. It reads the folders and does not ask git, so that a tree without its
 * history is checked too.
 */
export function listFiles(): string[] {
  const ignored = [".git", ...readIgnored()];
  const isIgnored = (path: string, name: string) => ignored.includes(path) || ignored.includes(name);

  const list = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (isIgnored(path, entry.name)) return [];
      if (entry.isDirectory()) return list(path);
      return entry.isFile() ? [path] : [];
    });
  return list("").sort();
}

/** Reads a file of the project as text. */
export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function readIgnored(): string[] {
  const lines = readText(".gitignore")
    .split("\n")
    .map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      if (/[*?![]/.test(line))
        throw new Error(`.gitignore: "${line}" is a pattern; list-files.ts knows only names`);
      return line.replace(/^\/|\/$/g, "");
    });
}
