import { expect, test } from "vitest";
import { findImports } from "./find-imports.ts";
import { listFiles, readText } from "./list-files.ts";
import { packageOf } from "./source-rules.ts";

interface Package {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
}

const { dependencies, devDependencies, optionalDependencies }: Package = JSON.parse(readText("package.json"));
const importMap: Record<string, string> = JSON.parse(readText("deno.json")).imports;
const exact = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

test("every version in package.json is exact", () => {
  const versions = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(versions.filter(([, version]) => !exact.test(version))).toEqual([]);
});

test("the import map of the functions names the packages and versions of package.json", () => {
  const expected = Object.keys(importMap).map((specifier) => {
    const name = packageOf(specifier);
    return [specifier, `npm:${name}@${dependencies[name]}${specifier.slice(name.length)}`];
  });
  expect(Object.entries(importMap)).toEqual(expected);
});

test("every package that the functions import has an entry in the import map", () => {
  const sources = listFiles().filter((path) => /^(?:shared|supabase\/functions)\/.*\.ts$/.test(path));
  const missing = sources.flatMap((path) =>
    findImports(readText(path))
      .map(({ specifier }) => specifier)
      .filter((specifier) => specifier !== undefined && !/^(?:\.|node:)/.test(specifier))
      .filter((specifier) => !Object.hasOwn(importMap, specifier as string))
      .map((specifier) => `${path} imports ${specifier}`),
  );
  expect(missing).toEqual([]);
});

test("every function, and nothing else, is declared with its own check of callers and the import map", () => {
  const folders = listFiles().flatMap(
    (path) => /^supabase\/functions\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? [],
  );
  expect(folders).not.toEqual([]);
  const settings = ["verify_jwt = false", 'import_map = "../deno.json"'];
  expect(readFunctionSettings()).toEqual(Object.fromEntries(folders.map((name) => [name, settings])));
});

test("the lock file names no registry", () => {
  const { packages }: { packages: Record<string, { resolved?: string }> } = JSON.parse(
    readText("package-lock.json"),
  );
  const named = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined);
  expect(named).toEqual([]);
});

/** The lines of each `[functions.<name>]` of config.toml, without comments. */
function readFunctionSettings(): Record<string, string[]> {
  const sections = readText("supabase/config.toml").split(/^\[/m).slice(1);
  return Object.fromEntries(
    sections.flatMap((section) => {
      const [head, ...lines] = section
        .split("\n")
        .map((line) => line.replace(/\s*#.*$/, ""))
        .filter((line) => line !== "");
      const name = /^functions\.([\w-]+)\]$/.exec(head ?? "")?.[1];
      return name === undefined ? [] : [[name, lines]];
    }),
  );
}
