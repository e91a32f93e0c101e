import { posix } from "node:path";
import { findImports } from "./find-imports.ts";
import { maskSource } from "./mask-source.ts";

/** What the files of a folder may import: other folders of ours (their own is always allowed), and which packages. */
interface Row {
  folders: readonly string[];
  /** Names of packages; without it any package that the project depends on. */
  packages?: readonly string[];
}

const shared = [
  ...[
    "domain",
    "http",
    "keys",
    "database",
    "providers",
    "catalogue",
    "credentials",
    "metering",
    "billing",
    "gateway",
  ],
].map((name) => `shared/${name}`);

/** The direction of imports. `*` stands for one folder: files in it may import each other, not those of its siblings. */
const directions: Record<string, Row> = {
  "shared/domain": { folders: [], packages: ["zod"] },
  "shared/http": { folders: ["shared/domain"] },
  "shared/keys": { folders: ["shared/domain"] },
  "shared/database": { folders: ["shared/domain"] },
  "shared/providers": { folders: ["shared/domain"] },
  "shared/catalogue": { folders: ["shared/domain", "shared/database", "shared/providers"] },
  "shared/credentials": {
    folders: ["shared/domain", "shared/database", "shared/keys", "shared/providers", "shared/catalogue"],
  },
  "shared/metering": { folders: ["shared/domain", "shared/database"] },
  "shared/billing": { folders: ["shared/domain", "shared/database"] },
  "shared/gateway": { folders: shared },
  "supabase/functions/*": { folders: shared },
  local: { folders: [] },
  operations: { folders: ["shared/keys", "local"] },
  // What the functions do with the database is measured by their own means.
  bench: { folders: ["local", "shared/domain", "shared/database", "shared/keys", "shared/metering"] },
  tests: { folders: ["shared", "supabase/functions", "local", "operations", "bench"] },
};

const entry = /^supabase\/functions\/[^/]+\/index\.ts$/;
/** What a browser runs as it is: it is JavaScript. */
const browserScript = /^local\/app\/page\/[\w-]+\.js$/;
const generated = "shared/database/database.types.ts";
const entryLines = 30;
const fileLines = 300;

/** Built-in modules that hold the environment, a clock or the network. */
const ambientModules =
  /^node:(?:process|os|perf_hooks|fs|child_process|http|https|http2|net|tls|dgram)(?:\/|$)/;

/** Global names that hold the environment, a clock, chance or the network: how each looks in masked source, and what to do instead. */
const ambientNames: readonly [pattern: RegExp, remedy: string][] = [
  [/(?<![.\w$])Deno\b/g, "names Deno: only index.ts may"],
  [/(?<![.\w$])process\s*[.[?]/g, "reads the process: take the setting as a parameter"],
  [/\bimport\.meta\.env\b/g, "reads the environment: take the setting as a parameter"],
  [/(?<![.\w$])performance\s*[.[?]/g, "reads a clock: take it as a parameter"],
  [
    /(?<![.\w$])Date\s*\.\s*now\b|(?<![.\w$])new\s+Date\b\s*(?!\s*\(\s*[^\s)])/g,
    "reads a clock: take it as a parameter",
  ],
  [/(?<![.\w$])Math\s*\.\s*random\b/g, "draws by lot: take the lot as a parameter"],
  [
    /(?<!\btypeof\s+)(?<![.\w$])globalThis\s*\.\s*(?:Deno|process|performance|Date|fetch)\b/g,
    "reaches for a global: take it as a parameter",
  ],
];

/**
 * Checks one source file against the rules of the tree; no input or output of its own.
 * Takes the file's path from the root, with `/`, and its text. Returns a sentence for each broken rule, with path and line.
 */
export function checkSource(path: string, source: string): string[] {
  const faults: string[] = [];
  const report = (line: number, fault: string) => faults.push(`${path}:${line} ${fault}`);

  const folder = folderOf(path);
  const row = folder === undefined ? undefined : directions[folder.row];
  if (folder === undefined || row === undefined)
    report(1, "lies in a folder without a row in source-rules.ts: add one, or move the file");
  else
    for (const { specifier, line } of findImports(source)) {
      const fault = checkImport(path, specifier, folder.name, row);
      if (fault !== undefined) report(line, fault);
    }

  if (isHanded(path)) for (const { line, fault } of findAmbient(source)) report(line, fault);

  const lines = source.trimEnd().split("\n").length;
  const limit = entry.test(path) ? entryLines : fileLines;
  if (lines > limit && path !== generated)
    report(limit, `has ${lines} lines, ${limit} at most: split it by what it does`);
  return faults;
}

function checkImport(path: string, specifier: string | undefined, own: string, row: Row): string | undefined {
  if (specifier === undefined)
    return "imports a computed name: the deployment uploads only what a string literal names";
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (!specifier.endsWith(".ts") && !(own === "tests" && browserScript.test(target)))
      return `imports "${specifier}": name the file with its .ts, or it is not deployed`;
    const allowed = [own, ...row.folders].some((folder) => target.startsWith(`${folder}/`));
    return allowed ? undefined : `imports ${target}: files of ${own}/ may not`;
  }
  if (specifier.startsWith("node:"))
    return ambientModules.test(specifier) && isHanded(path)
      ? `imports ${specifier}: take what it reads as a parameter`
      : undefined;
  if (/^(?:\/|[a-z]+:)/.test(specifier))
    return `imports "${specifier}": name the package, deno.json has its version`;
  const name = packageOf(specifier);
  return row.packages?.includes(name) === false ? `imports ${name}: files of ${own}/ may not` : undefined;
}

/** Whether a file gets its settings, clock and fetch as parameters: all that runs in a function but its entry. */
function isHanded(path: string): boolean {
  return /^(?:shared|supabase)\//.test(path) && !entry.test(path);
}

/** The name of the package that a bare specifier means: `@scope/name/sub` is of `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The folder whose rules a file follows, and the row that holds them. */
function folderOf(path: string): { name: string; row: string } | undefined {
  const folders = posix.dirname(path).split("/");
  const [top, second, third] = folders;
  if (top === "shared" && second !== undefined) return { name: `shared/${second}`, row: `shared/${second}` };
  if (top === "supabase" && second === "functions" && third !== undefined)
    return { name: `supabase/functions/${third}`, row: "supabase/functions/*" };
  if (top === "local" || top === "operations" || top === "bench" || top === "tests")
    return { name: top, row: top };
  return undefined;
}

function findAmbient(source: string): { line: number; fault: string }[] {
  const masked = maskSource(source);
  const found = ambientNames.flatMap(([pattern, fault]) =>
    [...masked.matchAll(pattern)].map(({ index }) => ({ index, fault })),
  );
  const fetches = findGlobalFetch(masked).map((index) => ({
    index,
    fault: "uses the global fetch: take one as a parameter",
  }));
  return [...found, ...fetches]
    .sort((a, b) => a.index - b.index)
    .map(({ index, fault }) => ({ line: masked.slice(0, index).split("\n").length, fault }));
}

/**
 * Where the global `fetch` is used as a value. A file that names a parameter or a variable `fetch` is left alone: telling its
 * scope would take a parser, and it plainly has one that was handed to it.
 */
function findGlobalFetch(masked: string): number[] {
  const bound =
    /(?:const|let)\s+fetch\b|(?:const|let)\s*\{[^}]*\bfetch\b[^}]*\}\s*=|\{[^{}]*\bfetch\b[^{}]*\}\s*:\s*[\w{]|\(\s*fetch\??:|,\s*fetch\??:\s*(?:typeof\b|[A-Z])|\([^()]*\bfetch\b[^()]*\)\s*=>/;
  if (bound.test(masked)) return [];
  const method = /^fetch\((?:[^()]|\([^()]*\))*\)(?::|\s*\{)/;
  return [...masked.matchAll(/(?<![.\w$])(?<!\btypeof\s+)fetch\b(?!\??:)/g)]
    .map(({ index }) => index)
    .filter((index) => !method.test(masked.slice(index)));
}
