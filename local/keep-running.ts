import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "./child-process.ts";

const firstPauseMs = 250;
const longestPauseMs = 10_000;
// Whoever ran this long starts over with the shortest pause.
const stableMs = 10_000;

/**
 * Starts a program, and starts it again whenever it ends, after a pause that doubles while it keeps failing, until `signal`.
 * Returns when it has started the first time and throws when that fails; `report` is told of each later end.
 */
export async function keepRunning(
  start: () => Promise<Child>,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  void watch(await start());

  async function watch(first: Child): Promise<void> {
    let pauseMs = firstPauseMs;
    for (let child = first; ; ) {
      const startedAt = Date.now();
      const how = await child.exited;
      if (signal.aborted) return;
      if (Date.now() - startedAt > stableMs) pauseMs = firstPauseMs;
      report(`ended (${how}), starts again in ${pauseMs / 1000} s`);
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      child = await start().catch((error: unknown) => {
        report(String(error));
        return child;
      });
    }
  }
}
