import type { Measure } from "../measure.ts";
import { percentile } from "../percentile.ts";
import { type Memory, readCpuMs, watchMemory } from "../process-usage.ts";
import { type Column, format, mebibytes, tableHead, tableRow } from "../table.ts";
import type { Target } from "../targets.ts";
import { toGaps, toLateness } from "../token-times.ts";
import { paced, pacedPeriodMs } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Row {
  server: string;
  /** Of all chunks of all streams, sorted, in milliseconds. */
  lateness: Float64Array;
  gaps: Float64Array;
  firstTokens: Float64Array;
  /** Processors that the server's process kept busy. */
  busy: number;
  memory: Memory;
  savesPerSecond: number;
}

const atOnce = 256;
const spreadMs = 1000;

const columns: readonly Column<Row>[] = [
  ["server", 12, ({ server }) => server],
  ["late p50", 8, ({ lateness }) => format(percentile(lateness, 0.5), 1)],
  ["late p99", 8, ({ lateness }) => format(percentile(lateness, 0.99), 1)],
  ["gap p99", 7, ({ gaps }) => format(percentile(gaps, 0.99), 1)],
  ["first p50", 9, ({ firstTokens }) => format(percentile(firstTokens, 0.5), 1)],
  ["first p99", 9, ({ firstTokens }) => format(percentile(firstTokens, 0.99), 1)],
  ["cpus busy", 9, ({ busy }) => format(busy, 2)],
  ["MiB before", 10, ({ memory }) => mebibytes(memory.startBytes)],
  ["MiB peak", 8, ({ memory }) => mebibytes(memory.peakBytes)],
  ["MiB after", 9, ({ memory }) => mebibytes(memory.endBytes)],
  ["saves/s", 7, ({ savesPerSecond }) => format(savesPerSecond, 1)],
];

export const pacedStreams: Part = {
  name: "paced",
  title: `${atOnce} streams at once, a chunk every ${pacedPeriodMs} ms in each, ${paced.tokens} chunks; they begin within a second. "late": by how many milliseconds a chunk
comes after its time in the pace of its stream; "gap": from chunk to chunk; "first": the first token. The simulator's row is what
the simulator and the client do to the pace by themselves; it shares its process with the stack's gateway. "saves/s": calls of the
database in which growing replies are written down, many replies to a call, each at most once a second.`,

  async run(measure) {
    const { simulator, readerLoop, openaiRoute, aiChat } = measure.targets;
    console.log(tableHead(columns));
    for (const server of [simulator, readerLoop, openaiRoute, aiChat])
      console.log(tableRow(columns, await play(server, measure)));
    return [];
  },
};

async function play(server: Target, measure: Measure): Promise<Row> {
  measure.takeDatabaseCalls();
  const startCpuMs = readCpuMs(server.pid);
  const watch = watchMemory(server.pid);
  const { tokenTimes, durationMs } = await measure.stream(server, {
    workload: paced,
    count: atOnce,
    atOnce,
    spreadMs,
  });
  const memory = watch.stop();
  return {
    server: server.name,
    lateness: sortAll(tokenTimes.map((times) => toLateness(times, pacedPeriodMs))),
    gaps: sortAll(tokenTimes.map(toGaps)),
    firstTokens: Float64Array.from(tokenTimes, (times) => times[0] ?? Number.NaN).sort(),
    busy: (readCpuMs(server.pid) - startCpuMs) / durationMs,
    memory,
    savesPerSecond: (measure.takeDatabaseCalls().saveReplies * 1000) / durationMs,
  };
}

function sortAll(arrays: readonly Float64Array[]): Float64Array {
  return Float64Array.from(arrays.flatMap((array) => [...array])).sort();
}
