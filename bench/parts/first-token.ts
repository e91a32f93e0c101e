import { measureInTurns, medianOf, medianOfPairs } from "../in-turns.ts";
import { percentile } from "../percentile.ts";
import { type Column, format, tableHead, tableRow } from "../table.ts";
import { firstTokens } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Figures {
  medianMs: number;
  p99Ms: number;
}

interface Row {
  server: string;
  results: Figures[];
  addedMs: number;
}

const rounds = 5;
const streamsPerRound = 20;
const goalMs = 3;

const columns: readonly Column<Row>[] = [
  ["server", 12, ({ server }) => server],
  [
    "median ms",
    9,
    ({ results }) =>
      format(
        medianOf(results, ({ medianMs }) => medianMs),
        2,
      ),
  ],
  [
    "p99 ms",
    7,
    ({ results }) =>
      format(
        medianOf(results, ({ p99Ms }) => p99Ms),
        2,
      ),
  ],
  ["added ms", 8, ({ addedMs }) => format(addedMs, 2)],
];

// The time from sending a request until the event with the first token has been read, not just the first byte: ai-chat begins with an
// event of its own. Each stream has a new connection, open before the clock starts: on a connection that has been used, Linux delays
// acknowledgements by 40 ms, and Deno's server, which leaves Nagle's algorithm on, waits for one before it sends a second small packet;
// on a new one it acknowledges at once, as it would for a client that is not on the same machine and sends no next request. The
// simulator sends the tokens 10 ms apart, so that the first travels by itself, as a provider's does.
export const firstToken: Part = {
  name: "first-token",
  title:
    "When the first token of a stream arrives, at one connection: from the simulator itself, and through each server.",

  async run(measure) {
    const { simulator, passThrough, openaiRoute, aiChat } = measure.targets;
    const servers = [simulator, passThrough, openaiRoute, aiChat];
    const streams = { workload: firstTokens, count: streamsPerRound, atOnce: 1, spreadMs: 0 };
    for (const server of servers) await measure.stream(server, streams);
    const all = await measureInTurns(servers, rounds, async (server): Promise<Figures> => {
      const { tokenTimes } = await measure.stream(server, streams);
      const sorted = Float64Array.from(tokenTimes, (times) => times[0] ?? Number.NaN).sort();
      return { medianMs: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
    });
    const direct = all[0] ?? [];
    console.log(tableHead(columns));
    const rows = servers.map(({ name, isMetered }, index) => {
      const results = all[index] ?? [];
      return {
        server: name,
        isMetered,
        results,
        addedMs: medianOfPairs(results, direct, (a, b) => a.medianMs - b.medianMs),
      };
    });
    for (const row of rows) console.log(tableRow(columns, row));
    return rows
      .filter(({ isMetered }) => isMetered)
      .map(({ server, addedMs }) => ({
        name: `${server}: first token after the simulator's, milliseconds`,
        figure: addedMs,
        decimals: 2,
        limit: "at most",
        value: goalMs,
      }));
  },
};
