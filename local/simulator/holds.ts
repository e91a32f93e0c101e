import type { ServerResponse } from "node:http";
import { until } from "./pacing.ts";

const mostReleased = 10_000;

/** Named places where calls wait until a test lets them go on. */
export interface Holds {
  /** Waits until `name` is released, or the client is gone. */
  pass(response: ServerResponse, name: string): Promise<void>;
  /**
   * Lets every call go on that waits at `name`, or will come to it later: a release cannot come too early, and a name
   * serves once. Returns how many calls waited.
   */
  release(name: string): number;
}

export function createHolds(): Holds {
  const waiting = new Map<string, Set<() => void>>();
  const released = new Set<string>();

  async function pass(response: ServerResponse, name: string) {
    if (released.has(name)) return;
    await until(response, (wake) => {
      const calls = waiting.get(name) ?? new Set();
      waiting.set(name, calls.add(wake));
      return () => {
        calls.delete(wake);
        if (calls.size === 0) waiting.delete(name);
      };
    });
  }

  function release(name: string) {
    released.add(name);
    const [oldest] = released;
    if (released.size > mostReleased && oldest !== undefined) released.delete(oldest);
    const calls = [...(waiting.get(name) ?? [])];
    for (const wake of calls) wake();
    return calls.length;
  }

  return { pass, release };
}
