import type { Comparison } from "./compare.ts";

const goals = { chatsPerSecond: 3000, ratio: 0.2, addedMs: 2.5 };

const columns: readonly [head: string, width: number, cell: (row: Comparison) => string][] = [
  ["answer", 6, ({ kind }) => kind],
  ["conns", 5, ({ connections }) => String(connections)],
  ["a req/s", 8, ({ passThrough }) => passThrough.requestsPerSecond.toFixed(0)],
  ["b req/s", 8, ({ aiChat }) => aiChat.requestsPerSecond.toFixed(0)],
  ["b/a", 5, ({ ratio }) => ratio.toFixed(2)],
  ["a median", 9, ({ passThrough }) => milliseconds(passThrough.medianMs)],
  ["b median", 9, ({ aiChat }) => milliseconds(aiChat.medianMs)],
  ["added", 7, ({ addedMs }) => milliseconds(addedMs)],
  ["a p99", 7, ({ passThrough }) => milliseconds(passThrough.p99Ms)],
  ["b p99", 7, ({ aiChat }) => milliseconds(aiChat.p99Ms)],
  [
    "a first",
    8,
    ({ kind, passThrough }) => (kind === "stream" ? milliseconds(passThrough.firstChunkMs) : ""),
  ],
  ["b first", 8, ({ kind, aiChat }) => (kind === "stream" ? milliseconds(aiChat.firstChunkMs) : "")],
  ["db calls", 9, ({ callsPerChat }) => callsPerChat.toFixed(2)],
  ["begin", 6, ({ chatsPerBegin }) => chatsPerBegin.toFixed(1)],
  ["settle", 6, ({ chatsPerSettle }) => chatsPerSettle.toFixed(1)],
];

/** What the columns mean, and their heads. */
export function tableHead(): string {
  return `a: a bare pass-through proxy; b: ai-chat. Milliseconds; "first" is the time to the first chunk of a stream.
"db calls": calls of the database per chat; "begin" and "settle": chats that share one call, on average.
Few streams at a time wait some 40 ms for the client's delayed acknowledgement, a like b: Deno 2.1 leaves Nagle's algorithm on.

${columns.map(([head, width]) => head.padStart(width)).join(" ")}`;
}

export function tableRow(row: Comparison): string {
  return columns.map(([, width, cell]) => cell(row).padStart(width)).join(" ");
}

/** The figures that goals are set for, beside them. */
export function compareWithGoals(rows: readonly Comparison[]): string {
  const json = (connections: number) =>
    rows.find((row) => row.kind === "JSON" && row.connections === connections);
  const [idle, busy] = [json(1), json(64)];
  if (!idle || !busy) throw new Error("There are no figures for JSON at 1 and 64 connections.");
  const chatsPerSecond = busy.aiChat.requestsPerSecond;
  return [
    "Goals for JSON answers (2 processors for everything):",
    goal(
      "chats/s at 64 connections",
      chatsPerSecond.toFixed(0),
      `≥ ${goals.chatsPerSecond}`,
      chatsPerSecond >= goals.chatsPerSecond,
    ),
    goal("b/a at 64 connections", busy.ratio.toFixed(2), `≥ ${goals.ratio}`, busy.ratio >= goals.ratio),
    goal(
      "added ms at 1 connection",
      milliseconds(idle.addedMs),
      `≤ ${goals.addedMs}`,
      idle.addedMs <= goals.addedMs,
    ),
  ].join("\n");
}

function goal(name: string, figure: string, limit: string, isMet: boolean): string {
  return `  ${name.padEnd(28)}${figure.padStart(6)}  (${limit}: ${isMet ? "met" : "missed"})`;
}

function milliseconds(value: number): string {
  return value.toFixed(2);
}
