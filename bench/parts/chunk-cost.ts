import { measureInTurns, medianOf, medianOfPairs } from "../in-turns.ts";
import type { Measure } from "../measure.ts";
import { readCpuMs } from "../process-usage.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import type { Target } from "../targets.ts";
import { long } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Figures {
  streamsPerSecond: number;
  /** Processor time of the server's process. */
  microsecondsPerChunk: number;
}

interface Row {
  chunks: string;
  server: string;
  results: Figures[];
  /** Of the time per chunk, as a multiple of the reader loop's. */
  ratio: number;
}

const chunksPerStream = long.atOnce.tokens;
const goalRatio = 1.5;

const columns: readonly Column<Row>[] = [
  ["chunks come", 11, ({ chunks }) => chunks],
  ["server", 12, ({ server }) => server],
  [
    "streams/s",
    9,
    ({ results }) =>
      format(
        medianOf(results, (figures) => figures.streamsPerSecond),
        1,
      ),
  ],
  [
    "chunks/s",
    8,
    ({ results }) => format(medianOf(results, (figures) => figures.streamsPerSecond) * chunksPerStream, 0),
  ],
  [
    "µs a chunk",
    10,
    ({ results }) =>
      format(
        medianOf(results, (figures) => figures.microsecondsPerChunk),
        2,
      ),
  ],
  ["× reader", 8, ({ ratio }) => format(ratio, 2)],
];

// A provider sends a chunk when it has made one: each is then a read, a step of the program and a write of its own. Chunks that come faster
// than they are read are not much else on Deno 2.1, whose fetch hands over one chunk of HTTP a read, however many have arrived; but then
// the processor is what limits the streams per second.
export const chunkCost: Part = {
  name: "chunk-cost",
  title: `What a chunk of a long stream costs: processor time of the server's process, in streams of ${chunksPerStream} chunks, beside a loop on Deno that
reads the provider's answer and writes each read on. ai-chat's time includes its two database calls and what it writes down.`,

  async run(measure) {
    const { readerLoop, openaiRoute, aiChat } = measure.targets;
    const servers = [readerLoop, openaiRoute, aiChat];
    console.log(tableHead(columns));
    const oneByOne = await compare("one by one", servers, 1, (server) => streamOneByOne(server, measure));
    const atOnce = await compare("at once", servers, 3, (server) => streamAtOnce(server, measure));
    return [...oneByOne, ...atOnce]
      .filter(({ isMetered }) => isMetered)
      .map(
        ({ server, chunks, ratio }): Goal => ({
          name: `${server}: time a chunk, ${chunks}, times a reader loop's`,
          figure: ratio,
          decimals: 2,
          limit: "at most",
          value: goalRatio,
        }),
      );
  },
};

async function compare(
  chunks: string,
  servers: readonly Target[],
  rounds: number,
  run: (server: Target) => Promise<Figures>,
): Promise<(Row & { isMetered: boolean })[]> {
  const all = await measureInTurns(servers, rounds, run);
  const ofLoop = all[0] ?? [];
  return servers.map(({ name, isMetered }, index) => {
    const results = all[index] ?? [];
    const ratio = medianOfPairs(results, ofLoop, (a, b) => a.microsecondsPerChunk / b.microsecondsPerChunk);
    const row = { chunks, server: name, isMetered, results, ratio };
    console.log(tableRow(columns, row));
    return row;
  });
}

async function streamOneByOne(server: Target, measure: Measure): Promise<Figures> {
  const startCpuMs = readCpuMs(server.pid);
  const { tokenTimes, durationMs } = await measure.stream(server, {
    workload: long.oneByOne,
    count: 64,
    atOnce: 64,
    spreadMs: 500,
  });
  return toFigures(tokenTimes.length, { durationMs, cpuMs: readCpuMs(server.pid) - startCpuMs });
}

async function streamAtOnce(server: Target, measure: Measure): Promise<Figures> {
  const load = { workload: long.atOnce, kind: "stream", connections: 16 } as const;
  await measure.load(server, { ...load, warmUpMs: 0, durationMs: 500 });
  const startCpuMs = readCpuMs(server.pid);
  const startedMs = performance.now();
  const { answered } = await measure.load(server, { ...load, warmUpMs: 0, durationMs: 2000 });
  const durationMs = performance.now() - startedMs;
  const streams = answered.reduce((sum, count) => sum + count, 0);
  return toFigures(streams, { durationMs, cpuMs: readCpuMs(server.pid) - startCpuMs });
}

function toFigures(streams: number, { durationMs, cpuMs }: { durationMs: number; cpuMs: number }): Figures {
  return {
    streamsPerSecond: (streams * 1000) / durationMs,
    microsecondsPerChunk: (cpuMs * 1000) / (streams * chunksPerStream),
  };
}
