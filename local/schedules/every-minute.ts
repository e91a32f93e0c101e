import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Milliseconds since 1970, as `Date.now`. */
  now(): number;
  /** Returns after so many milliseconds, earlier by a few or much later; throws when the signal is aborted. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>;
}

const minuteMs = 60_000;

const systemClock: Clock = {
  now: Date.now,
  wait: (durationMs, signal) => delay(durationMs, undefined, { signal }),
};

/**
 * Calls `run` on each full minute, with that minute, until the signal is aborted; then it returns. Does not wait for what `run` begins.
 * Minutes that passed while the machine slept are left out.
 */
export async function everyMinute(
  run: (minute: Date) => void,
  signal: AbortSignal,
  { now, wait }: Clock = systemClock,
): Promise<void> {
  const minuteOf = (timeMs: number) => timeMs - (timeMs % minuteMs);
  for (let doneMs = minuteOf(now()); ; ) {
    // A timer may fire a little early: the minute counts from where it begins, and only once.
    const nextMs = doneMs + minuteMs;
    await wait(Math.max(0, nextMs - now()), signal).catch(() => {});
    if (signal.aborted) return;
    doneMs = Math.max(nextMs, minuteOf(now()));
    run(new Date(doneMs));
  }
}
