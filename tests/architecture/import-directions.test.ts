import { describe, expect, test } from "vitest";
import { findImports } from "./find-imports.ts";
import { listFiles, readText } from "./list-files.ts";
import { checkSource } from "./source-rules.ts";

const sources = listFiles().filter((path) => /(?<!\.d)\.ts$/.test(path) && path !== "vitest.config.ts");

// A second on a machine that has nothing else to do.
test("every source file keeps the rules of the tree", { timeout: 30_000 }, () => {
  expect(sources).not.toEqual([]);
  expect(sources.flatMap((path) => checkSource(path, readText(path)))).toEqual([]);
});

test("the command runner needs no package, so that it can install them", () => {
  const imports = findImports(readText("local/run.mjs")).map((found) => found.specifier ?? "(computed)");
  expect(imports.filter((specifier) => !specifier.startsWith("node:"))).toEqual([]);
});

describe("a file breaks the rules when", () => {
  test.each<[does: string, path: string, source: string]>([
    ["the domain imports another folder", "shared/domain/a.ts", 'import { b } from "../http/b.ts";'],
    ["the domain imports a package other than zod", "shared/domain/a.ts", 'import { Hono } from "hono";'],
    ["a provider imports the gateway", "shared/providers/a.ts", 'import type { B } from "../gateway/b.ts";'],
    ["a key imports the database", "shared/keys/a.ts", 'export { b } from "../database/b.ts";'],
    [
      "shared code imports a function",
      "shared/http/a.ts",
      'import "../../supabase/functions/models/app.ts";',
    ],
    [
      "a function imports another",
      "supabase/functions/models/a.ts",
      'import { b } from "../ai-chat/app.ts";',
    ],
    [
      "a function imports a test",
      "supabase/functions/models/a.ts",
      'import { b } from "../../../tests/b.ts";',
    ],
    ["the bench imports shared code", "bench/a.ts", 'const { b } = await import("../shared/http/b.ts");'],
    ["a folder has no row", "shared/later/a.ts", "export const a = 1;"],
    ["an import has no extension", "shared/http/a.ts", 'import {\n  b,\n} from "./b";'],
    ["a part of the stack imports what a browser runs", "local/a.ts", 'import { b } from "./app/page/b.js";'],
    ["an import names a folder", "shared/http/a.ts", 'import { b } from "./b/";'],
    ["an import is computed", "shared/http/a.ts", "await import(path);"],
    ["an import carries its version", "shared/http/a.ts", 'import { z } from "npm:zod@4";'],
    ["shared code names Deno", "shared/http/a.ts", 'const a = Deno.env.get("A");'],
    ["shared code reads the environment", "shared/http/a.ts", "const { A } = process.env;"],
    ["shared code reads it through a module", "shared/http/a.ts", 'import { env } from "node:process";'],
    ["shared code reads it inside a template", "shared/http/a.ts", `const a = \`\${process.env.A}\`;`],
    ["shared code reads it through globalThis", "shared/http/a.ts", "const a = globalThis.Deno.env;"],
    ["shared code reads the time", "shared/http/a.ts", "const a = Date.now();"],
    [
      "shared code takes the time as a default",
      "shared/http/a.ts",
      "export const f = (now = Date.now) => now();",
    ],
    ["shared code makes a date of now", "shared/http/a.ts", "const a = new Date().toISOString();"],
    ["shared code reads the other clock", "shared/http/a.ts", "const a = performance.now();"],
    ["shared code draws by lot", "shared/http/a.ts", "const a = Math.random();"],
    ["shared code calls fetch", "shared/http/a.ts", 'const a = await fetch("https://example.com");'],
    ["shared code falls back to fetch", "shared/http/a.ts", "const a = options.fetch ?? fetch;"],
    ["shared code hands fetch on", "shared/http/a.ts", "const a = createClient({ fetch });"],
    [
      "a function reads the environment beside its entry",
      "supabase/functions/models/app.ts",
      "Deno.env.get(name);",
    ],
    ["an entry grows", "supabase/functions/models/index.ts", "const a = 1;\n".repeat(31)],
    ["a file grows", "local/a.ts", "const a = 1;\n".repeat(301)],
  ])("%s", (_does, path, source) => {
    expect(checkSource(path, source)).toEqual([expect.stringMatching(new RegExp(`^${path}:\\d+ \\S`))]);
  });
});

describe("a file keeps the rules when", () => {
  test.each<[does: string, path: string, source: string]>([
    ["it imports its own folder", "shared/http/a.ts", 'import { b } from "./inner/b.ts";'],
    ["the gateway imports the rest", "shared/gateway/a.ts", 'import { b } from "../metering/b.ts";'],
    [
      "a function imports shared code",
      "supabase/functions/models/app.ts",
      'import { b } from "../../../shared/http/b.ts";',
    ],
    ["a test imports anything of ours", "tests/functions/a.test.ts", 'import { b } from "../../local/b.ts";'],
    ["a test imports what a browser runs", "tests/a.test.ts", 'import { b } from "../local/app/page/b.js";'],
    ["an entry reads the environment", "supabase/functions/models/index.ts", 'Deno.env.get("A");'],
    ["it speaks of an import", "shared/http/a.ts", '// import "../gateway/b.ts"\nconst a = `import "./b"`;'],
    [
      "it speaks of Deno",
      "shared/http/a.ts",
      '/** On Deno. */\nconst a = "Deno.env, process.env, Date.now()";',
    ],
    ["a pattern holds quotes", "shared/http/a.ts", "const a = /[\"'`/]/.test(b) / 2; // Date.now()"],
    ["it makes a date of a number", "shared/http/a.ts", "const a: Date = new Date(now());"],
    [
      "it takes fetch as a setting",
      "shared/http/a.ts",
      "const a = (o: { fetch: typeof fetch }) => o.fetch(url);",
    ],
    [
      "it takes fetch as a parameter",
      "shared/http/a.ts",
      "const a = (fetch: typeof globalThis.fetch) => fetch(url);",
    ],
    [
      "it takes fetch as a later parameter",
      "shared/http/a.ts",
      "const a = (get: (name: string) => string, fetch: typeof globalThis.fetch) => fetch(get(name));",
    ],
    [
      "it takes fetch out of its settings",
      "shared/http/a.ts",
      "const a = ({ fetch, now }: Settings) => fetch(url);",
    ],
    [
      "it has a method of that name",
      "shared/http/a.ts",
      "const a = { fetch(request: Request): Response { return b; } };",
    ],
    ["it is generated", "shared/database/database.types.ts", "export type A = 1;\n".repeat(301)],
  ])("%s", (_does, path, source) => {
    expect(checkSource(path, source)).toEqual([]);
  });
});
