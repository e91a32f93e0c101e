import type { DatabaseCalls } from "./database-calls.ts";
import type { Load, LoadResult } from "./load.ts";
import type { Person } from "./people.ts";
import { median } from "./percentile.ts";
import type { AnswerKind, Target } from "./targets.ts";

export interface Case {
  kind: AnswerKind;
  connections: number;
}

export type Figures = Pick<LoadResult, "requestsPerSecond" | "medianMs" | "p99Ms" | "firstChunkMs">;

/** One case, both servers. Each figure is the median of the rounds, and so is what compares two measurements of a round. */
export interface Comparison extends Case {
  passThrough: Figures;
  aiChat: Figures;
  /** Requests per second of ai-chat, as a part of the pass-through's. */
  ratio: number;
  /** What ai-chat adds to the median latency. */
  addedMs: number;
  callsPerChat: number;
  chatsPerBegin: number;
  chatsPerSettle: number;
}

interface CompareOptions {
  passThrough: Target;
  aiChat: Target;
  people: Person[];
  run(load: Load): Promise<LoadResult>;
  takeDatabaseCalls(): DatabaseCalls;
  /** Told of each measurement. */
  onResult(server: "passThrough" | "aiChat", result: LoadResult): void;
  signal: AbortSignal;
}

const rounds = 3;
const warmUpMs = 400;
const durationMs = 3_500;

/** Measures the two servers in turns, so that a machine that gets slower or faster meanwhile does so for both. */
export async function compare(
  { kind, connections }: Case,
  { passThrough, aiChat, people, run, takeDatabaseCalls, onResult, signal }: CompareOptions,
): Promise<Comparison> {
  const pairs: { a: LoadResult; b: LoadResult }[] = [];
  const calls: DatabaseCalls = { begin: 0, settle: 0, all: 0 };
  let chats = 0;
  for (let round = 0; round < rounds; round++) {
    const a = await measure(passThrough);
    onResult("passThrough", a);
    takeDatabaseCalls();
    const b = await measure(aiChat);
    onResult("aiChat", b);
    const { begin, settle, all } = takeDatabaseCalls();
    calls.begin += begin;
    calls.settle += settle;
    calls.all += all;
    chats += b.answered.reduce((sum, answered) => sum + answered, 0);
    pairs.push({ a, b });
  }
  return {
    kind,
    connections,
    passThrough: medians(pairs.map(({ a }) => a)),
    aiChat: medians(pairs.map(({ b }) => b)),
    ratio: median(pairs.map(({ a, b }) => b.requestsPerSecond / a.requestsPerSecond)),
    addedMs: median(pairs.map(({ a, b }) => b.medianMs - a.medianMs)),
    callsPerChat: calls.all / chats,
    chatsPerBegin: chats / calls.begin,
    chatsPerSettle: chats / calls.settle,
  };

  function measure(target: Target): Promise<LoadResult> {
    signal.throwIfAborted();
    const requests = people.slice(0, connections).map((person) => target.request(kind, person));
    return run({ port: target.port, requests, marker: target.marker, warmUpMs, durationMs });
  }
}

function medians(results: Figures[]): Figures {
  const of = (name: keyof Figures) => median(results.map((result) => result[name]));
  return {
    requestsPerSecond: of("requestsPerSecond"),
    medianMs: of("medianMs"),
    p99Ms: of("p99Ms"),
    firstChunkMs: of("firstChunkMs"),
  };
}
