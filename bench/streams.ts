import { setTimeout as delay } from "node:timers/promises";
import { openConnection } from "./http-connection.ts";
import { readTokenTimes, type TimedPiece } from "./token-times.ts";

/** Streams that are read as a client would, each on a connection of its own. */
export interface StreamLoad {
  /** Of 127.0.0.1. */
  port: number;
  /** A request for each stream. */
  requests: Uint8Array[];
  /** What stands in the body of a right answer. */
  marker: string;
  /** How many of them are read at a time. */
  atOnce: number;
  /** Over how long the first ones are spread, so that their paces do not beat together. */
  spreadMs: number;
}

export interface StreamLoadResult {
  /** Of each right answer, when its tokens came, in milliseconds from when it was asked for. */
  tokenTimes: Float64Array[];
  durationMs: number;
  /** Right answers to each request: one, or none. */
  answered: number[];
  failed: number;
  /** What was wrong with the first that failed. */
  failure: string | undefined;
}

/** Reads all the streams and notes when each token came. What arrived is looked into only when all are over. */
export async function readStreams(load: StreamLoad): Promise<StreamLoadResult> {
  const { port, requests, marker, atOnce, spreadMs } = load;
  const answered = requests.map(() => 0);
  const streams: TimedPiece[][] = [];
  const failures: string[] = [];
  let next = 0;

  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async (_, lane) => {
      await delay((lane * spreadMs) / atOnce);
      while (next < requests.length) await readOne(next++);
    }),
  );
  return {
    tokenTimes: streams.map(readTokenTimes),
    durationMs: performance.now() - startedMs,
    answered,
    failed: failures.length,
    failure: failures[0],
  };

  async function readOne(index: number): Promise<void> {
    const pieces: TimedPiece[] = [];
    let sentMs = 0;
    try {
      const connection = await openConnection(port, (bytes) =>
        pieces.push({ atMs: performance.now() - sentMs, bytes }),
      );
      sentMs = performance.now();
      const { status, body } = await connection.exchange(requests[index] as Uint8Array);
      connection.close();
      if (status === 200 && body.includes(marker)) {
        streams.push(pieces);
        answered[index] = 1;
      } else failures.push(`status ${status}: ${JSON.stringify(body.subarray(-300).toString())}`);
    } catch (error) {
      failures.push(String(error));
    }
  }
}
