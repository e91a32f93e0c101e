import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { findForeignWords } from "./foreign-words.ts";
import { listFiles, readText, root } from "./list-files.ts";

const files = listFiles();

test("a reader finds what it is, how to change it and what is allowed", () => {
  expect(files).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "LICENSE"]));
});

test("every link to a file in the documentation leads to one", () => {
  const pages = files.filter((path) => path.endsWith(".md"));
  const broken = pages.flatMap((page) =>
    findLocalLinks(readText(page))
      .map((link) => posix.join(posix.dirname(page), link))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${page} → ${target}`),
  );
  expect(broken).toEqual([]);
});

test("no file names a machine's folders or a package registry", () => {
  expect(files.flatMap((path) => findForeignWords(path, readText(path)))).toEqual([]);
});

describe("a file names", () => {
  const path = (...parts: string[]) => ["", ...parts].join("/");
  test.each([
    ["a home folder", `see ${path("home", "someone", "notes")}`],
    ["a temporary folder", `const log = "${path("tmp", "functions.log")}";`],
    ["a temporary folder that outlives a restart", `cd ${path("var", "tmp", "copy")}`],
    ["a folder at the root", `cd ${path("work", "copy")}`],
    ["a registry", `"resolved": "https://${["registry", "npmjs", "org"].join(".")}/zod"`],
  ])("%s", (_what, text) => {
    expect(findForeignWords("a.txt", text)).toEqual([expect.stringMatching(/^a\.txt:1 names a /)]);
  });

  test.each([
    ["an address", "https://example.com/home/page"],
    ["a relative folder", "./work/copy and shared/home/x"],
    ["a route", 'app.get("/functions/v1/ai-chat")'],
    ["a system folder", "/usr/lib/postgresql/15/bin"],
  ])("%s, and that is fine", (_what, text) => {
    expect(findForeignWords("a.txt", text)).toEqual([]);
  });
});

/** The targets of Markdown links and pictures that are neither addresses nor anchors on the same page. */
function findLocalLinks(markdown: string): string[] {
  const text = markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(\s*<?([^)\s>#]+)[^)]*\)|^\[[^\]]+\]:\s*<?([^\s>#]+)/gm)]
    .map((match) => (match[1] ?? match[2]) as string)
    .filter((target) => !/^[a-z]+:/.test(target));
}
