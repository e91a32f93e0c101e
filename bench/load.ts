import { type HttpConnection, openConnection } from "./http-connection.ts";
import { percentile } from "./percentile.ts";

export interface Load {
  /** Of 127.0.0.1. */
  port: number;
  /** A request for each connection, which sends it again and again. */
  requests: Uint8Array[];
  /** What stands in the body of a right answer. */
  marker: string;
  /** Of a right answer; 200 where absent. */
  status?: number;
  /** Before the measurement, over the same connections. */
  warmUpMs: number;
  durationMs: number;
}

export interface LoadResult {
  requestsPerSecond: number;
  medianMs: number;
  p99Ms: number;
  /** To the first byte of the body, median. */
  firstChunkMs: number;
  /** Right answers of each connection, the warm-up's included. */
  answered: number[];
  failed: number;
  /** What was wrong with the first that failed. */
  failure: string | undefined;
}

/** Keeps one request in flight on each connection for the time given, then waits for the last answers. */
export async function applyLoad(load: Load): Promise<LoadResult> {
  const connections = await Promise.all(load.requests.map(() => openConnection(load.port)));
  const answered = connections.map(() => 0);
  const latencies = createSamples();
  const firstChunks = createSamples();
  let failed = 0;
  let failure: string | undefined;

  await sendUntil(performance.now() + load.warmUpMs);
  latencies.clear();
  firstChunks.clear();
  const startedMs = performance.now();
  await sendUntil(startedMs + load.durationMs);
  const durationMs = performance.now() - startedMs;
  for (const connection of connections) connection.close();

  const sorted = latencies.sorted();
  return {
    requestsPerSecond: (sorted.length * 1000) / durationMs,
    medianMs: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    firstChunkMs: percentile(firstChunks.sorted(), 0.5),
    answered,
    failed,
    failure,
  };

  async function sendUntil(endMs: number): Promise<void> {
    await Promise.all(connections.map((connection, index) => sendOn(connection, index, endMs)));
  }

  async function sendOn(connection: HttpConnection, index: number, endMs: number): Promise<void> {
    const request = load.requests[index] as Uint8Array;
    try {
      for (let sentMs = performance.now(); sentMs < endMs; sentMs = performance.now()) {
        const { status, body, bodyBeganMs } = await connection.exchange(request);
        if (status === (load.status ?? 200) && body.includes(load.marker)) {
          latencies.add(performance.now() - sentMs);
          firstChunks.add(bodyBeganMs - sentMs);
          answered[index] = (answered[index] ?? 0) + 1;
        } else fail(`status ${status}: ${JSON.stringify(body.subarray(-300).toString())}`);
      }
    } catch (error) {
      fail(String(error));
    }
  }

  function fail(what: string): void {
    failed++;
    failure ??= what;
  }
}

/** Numbers that are only added to, without an object each. */
function createSamples() {
  let values = new Float64Array(1 << 16);
  let length = 0;
  return {
    add(value: number) {
      if (length === values.length) {
        const wider = new Float64Array(2 * length);
        wider.set(values);
        values = wider;
      }
      values[length++] = value;
    },
    clear() {
      length = 0;
    },
    sorted: () => values.slice(0, length).sort(),
  };
}
