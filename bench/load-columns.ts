import { medianOf } from "./in-turns.ts";
import type { LoadResult } from "./load.ts";
import { type Column, format } from "./table.ts";

export type LoadFigures = Pick<LoadResult, "requestsPerSecond" | "medianMs" | "p99Ms">;

/** What a server did under load, each figure the median of its rounds; `what` is what it answers. */
export function loadColumns(what: string): Column<{ results: LoadFigures[] }>[] {
  const column = (name: string, width: number, read: (result: LoadFigures) => number, decimals = 2) =>
    [name, width, ({ results }) => format(medianOf(results, read), decimals)] satisfies Column<{
      results: LoadFigures[];
    }>;
  return [
    column(`${what}/s`, what.length + 2, ({ requestsPerSecond }) => requestsPerSecond, 0),
    column("median ms", 9, ({ medianMs }) => medianMs),
    column("p99 ms", 7, ({ p99Ms }) => p99Ms),
  ];
}
