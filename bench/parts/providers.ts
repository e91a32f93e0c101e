import type { DatabaseCalls } from "../database-calls.ts";
import { measureInTurns, medianOf, medianOfPairs } from "../in-turns.ts";
import type { LoadResult } from "../load.ts";
import type { Measure } from "../measure.ts";
import type { AnswerKind } from "../provider-requests.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import { short, type WireFormat } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Case {
  format: WireFormat;
  kind: AnswerKind;
  connections: number;
}

type Measured = LoadResult & { calls: DatabaseCalls };

interface Row extends Case {
  passThrough: Measured[];
  aiChat: Measured[];
}

const formats: readonly WireFormat[] = ["openai", "anthropic", "google"];
const kinds: readonly AnswerKind[] = ["JSON", "stream"];
const connectionCounts = [1, 16, 64];
const rounds = 3;
const warmUpMs = 150;
const durationMs = 900;

const columns: readonly Column<Row>[] = [
  ["provider", 9, (row) => row.format],
  ["answer", 6, (row) => row.kind],
  ["conns", 5, (row) => String(row.connections)],
  ["a req/s", 7, ({ passThrough }) => format(requestsPerSecond(passThrough), 0)],
  ["b req/s", 7, ({ aiChat }) => format(requestsPerSecond(aiChat), 0)],
  ["b/a", 5, (row) => format(ratio(row), 2)],
  ["a median", 8, ({ passThrough }) => format(medianMs(passThrough), 2)],
  ["b median", 8, ({ aiChat }) => format(medianMs(aiChat), 2)],
  ["added", 6, (row) => format(addedMs(row), 2)],
  ["a p99", 6, ({ passThrough }) => format(p99Ms(passThrough), 1)],
  ["b p99", 6, ({ aiChat }) => format(p99Ms(aiChat), 1)],
  ["db calls", 8, ({ aiChat }) => format(callsPerChat(aiChat), 2)],
  ["begin", 5, ({ aiChat }) => format(chatsPerCall(aiChat, "begin"), 1)],
  ["settle", 6, ({ aiChat }) => format(chatsPerCall(aiChat, "settle"), 1)],
];

export const providers: Part = {
  name: "providers",
  title: `ai-chat (b) beside a bare pass-through proxy (a), in front of each provider: answers of 50 tokens. Times are milliseconds.
"db calls": calls of the database a chat; "begin" and "settle": chats that share one call, on average. Few streams at a time wait
some 40 ms for the client's delayed acknowledgement, a like b: Deno 2.1 leaves Nagle's algorithm on.`,

  async run(measure) {
    console.log(tableHead(columns));
    const rows: Row[] = [];
    for (const format of formats)
      for (const kind of kinds)
        for (const connections of connectionCounts) {
          const row = await compare({ format, kind, connections }, measure);
          rows.push(row);
          console.log(tableRow(columns, row));
        }
    return toGoals(rows);
  },
};

async function compare(row: Case, measure: Measure): Promise<Row> {
  const { passThrough, aiChat } = measure.targets;
  const [a, b] = await measureInTurns([passThrough, aiChat], rounds, async (target) => {
    measure.takeDatabaseCalls();
    const result = await measure.load(target, { ...row, workload: short[row.format], warmUpMs, durationMs });
    return { ...result, calls: measure.takeDatabaseCalls() };
  });
  return { ...row, passThrough: a ?? [], aiChat: b ?? [] };
}

function toGoals(rows: readonly Row[]): Goal[] {
  const json = (connections: number) =>
    rows.find((row) => row.format === "openai" && row.kind === "JSON" && row.connections === connections);
  const [idle, busy] = [json(1), json(64)];
  if (idle === undefined || busy === undefined)
    throw new Error("There are no figures at 1 and 64 connections.");
  return [
    {
      name: "OpenAI, JSON, 64 connections: chats a second",
      figure: requestsPerSecond(busy.aiChat),
      decimals: 0,
      limit: "at least",
      value: 3000,
    },
    {
      name: "the same, as a part of a bare pass-through's",
      figure: ratio(busy),
      decimals: 2,
      limit: "at least",
      value: 0.2,
    },
    {
      name: "OpenAI, JSON, 1 connection: added milliseconds",
      figure: addedMs(idle),
      decimals: 2,
      limit: "at most",
      value: 2.5,
    },
  ];
}

function requestsPerSecond(results: readonly Measured[]): number {
  return medianOf(results, (result) => result.requestsPerSecond);
}

function medianMs(results: readonly Measured[]): number {
  return medianOf(results, (result) => result.medianMs);
}

function p99Ms(results: readonly Measured[]): number {
  return medianOf(results, (result) => result.p99Ms);
}

function ratio({ aiChat, passThrough }: Row): number {
  return medianOfPairs(aiChat, passThrough, (b, a) => b.requestsPerSecond / a.requestsPerSecond);
}

function addedMs({ aiChat, passThrough }: Row): number {
  return medianOfPairs(aiChat, passThrough, (b, a) => b.medianMs - a.medianMs);
}

function callsPerChat(results: readonly Measured[]): number {
  return 1 / chatsPerCall(results, "all");
}

function chatsPerCall(results: readonly Measured[], which: keyof DatabaseCalls): number {
  const chats = results.flatMap(({ answered }) => answered).reduce((sum, count) => sum + count, 0);
  return chats / results.reduce((sum, { calls }) => sum + calls[which], 0);
}
