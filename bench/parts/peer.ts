import { measureInTurns, medianOf, medianOfPairs } from "../in-turns.ts";
import type { LoadResult } from "../load.ts";
import type { AnswerKind } from "../provider-requests.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import { short } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Row {
  kind: AnswerKind;
  server: string;
  results: LoadResult[];
  /** Requests per second, as a multiple of the peer's. */
  ratio: number;
}

const connections = 64;
const rounds = 3;
const warmUpMs = 500;
const durationMs = 2000;
/** How many times the peer's throughput ours should be. */
const goals: Record<AnswerKind, number> = { JSON: 3, stream: 1 };

const columns: readonly Column<Row>[] = [
  ["answer", 6, ({ kind }) => kind],
  ["server", 12, ({ server }) => server],
  [
    "req/s",
    7,
    ({ results }) =>
      format(
        medianOf(results, ({ requestsPerSecond }) => requestsPerSecond),
        0,
      ),
  ],
  ["× peer", 7, ({ ratio }) => format(ratio, 2)],
  [
    "median ms",
    9,
    ({ results }) =>
      format(
        medianOf(results, ({ medianMs }) => medianMs),
        1,
      ),
  ],
  [
    "p99 ms",
    8,
    ({ results }) =>
      format(
        medianOf(results, ({ p99Ms }) => p99Ms),
        1,
      ),
  ],
];

export const peer: Part = {
  name: "peer",
  title: `ai-chat beside @portkey-ai/gateway: answers of 50 tokens of OpenAI's format over ${connections} connections. One process each, the peer's on
Node.js, ours on Deno; ours also checks the token, holds, settles and (but for /v1) keeps the conversation, in a Postgres and a
PostgREST that share the machine's processors with it.`,

  async run(measure) {
    const { aiChat, openaiRoute, peer: other } = measure.targets;
    if (other === null) throw new Error("The peer is not running.");
    console.log(tableHead(columns));
    const goalsOfAll: Goal[] = [];
    for (const kind of ["JSON", "stream"] as const) {
      const servers = [other, openaiRoute, aiChat];
      const load = { workload: short.openai, kind, connections, warmUpMs, durationMs };
      const all = await measureInTurns(servers, rounds, (target) => measure.load(target, load));
      const ofPeer = all[0] ?? [];
      for (const [index, { name, isMetered }] of servers.entries()) {
        const results = all[index] ?? [];
        const ratio = medianOfPairs(results, ofPeer, (a, b) => a.requestsPerSecond / b.requestsPerSecond);
        console.log(tableRow(columns, { kind, server: name, results, ratio }));
        if (!isMetered) continue;
        const what = kind === "JSON" ? "JSON answers" : "streams";
        goalsOfAll.push({
          name: `${name}: ${what} a second, times the peer's`,
          figure: ratio,
          decimals: 2,
          limit: "at least",
          value: goals[kind],
        });
      }
    }
    return goalsOfAll;
  },
};
