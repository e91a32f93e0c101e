import type { ServerResponse } from "node:http";
import { until } from "./pacing.ts";

const mostReleased = 10_000;

/** Named places where calls wait until a test lets them go on, or breaks them off. */
export interface Holds {
  /** Waits until `name` is released or broken off, or the client is gone. Returns whether it was broken off. */
  pass(response: ServerResponse, name: string): Promise<boolean>;
  /**
   * Lets every call go on that waits at `name`, or will come to it later: a release cannot come too early, and a name
   * serves once. Returns how many calls waited.
   */
  release(name: string): number;
  /** Destroys the connections of the calls that wait at `name`, and lets go on what comes later. Returns how many waited. */
  breakOff(name: string): number;
  countWaiting(name: string): number;
  /** Calls `listener` when a call comes to wait at a hold, until the returned function is called. */
  listen(listener: (name: string) => void): () => void;
}

export function createHolds(): Holds {
  const waiting = new Map<string, Map<ServerResponse, () => void>>();
  const listeners = new Set<(name: string) => void>();
  const released = new Set<string>();
  const broken = new WeakSet<ServerResponse>();

  async function pass(response: ServerResponse, name: string) {
    if (released.has(name)) return false;
    await until(response, (wake) => {
      const calls = waiting.get(name) ?? new Map<ServerResponse, () => void>();
      waiting.set(name, calls.set(response, wake));
      for (const listener of listeners) listener(name);
      return () => {
        calls.delete(response);
        if (calls.size === 0) waiting.delete(name);
      };
    });
    return broken.has(response);
  }

  function open(name: string): [ServerResponse, () => void][] {
    released.add(name);
    const [oldest] = released;
    if (released.size > mostReleased && oldest !== undefined) released.delete(oldest);
    return [...(waiting.get(name) ?? [])];
  }

  return {
    pass,
    release(name) {
      const calls = open(name);
      for (const [, wake] of calls) wake();
      return calls.length;
    },
    breakOff(name) {
      const calls = open(name);
      for (const [response] of calls) {
        broken.add(response);
        response.destroy();
      }
      return calls.length;
    },
    countWaiting: (name) => waiting.get(name)?.size ?? 0,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
