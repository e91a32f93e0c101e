import { maskSource } from "./mask-source.ts";

/** One import, export-from or `import()` of a source file. */
export interface Import {
  /** What stands between the quotes; undefined where `import()` is given something other than a string literal. */
  specifier: string | undefined;
  line: number;
}

// In masked source strings are empty, so neither text nor comments can look like an import.
const statement = /(?<![.\w$])(?:import|export)\b(?:[\w$*{},\s]*?\bfrom)?\s*(?=["'])/g;
const call = /(?<![.\w$])import\s*\(\s*/g;

/** Finds every import of TypeScript source, the type-only ones and `import("…")` among them, in the order of the lines. */
export function findImports(source: string): Import[] {
  const masked = maskSource(source);
  const ends = [...masked.matchAll(statement), ...masked.matchAll(call)]
    .map((match) => match.index + match[0].length)
    .sort((a, b) => a - b);
  return ends.map((end) => ({
    specifier: readString(source, masked, end),
    line: source.slice(0, end).split("\n").length,
  }));
}

function readString(source: string, masked: string, at: number): string | undefined {
  const quote = masked[at];
  if (quote !== '"' && quote !== "'") return undefined;
  return source.slice(at + 1, masked.indexOf(quote, at + 1));
}
