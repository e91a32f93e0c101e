import type { ServerResponse } from "node:http";

/**
 * Waits until `start` calls `wake` (never before it returns) or the client is gone, then runs what `start` returned.
 * Look at `response.destroyed` afterwards to learn which.
 */
export function until(response: ServerResponse, start: (wake: () => void) => () => void): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    function wake() {
      response.off("close", wake);
      cancel();
      resolve();
    }
    response.on("close", wake);
    const cancel = start(wake);
  });
}

/** Waits `ms` milliseconds, or until the client is gone. */
export function untilElapsed(response: ServerResponse, ms: number): Promise<void> {
  return until(response, (wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  });
}

/** Waits until the client has read what is buffered, or is gone. */
export function untilDrained(response: ServerResponse): Promise<void> {
  return until(response, (wake) => {
    response.on("drain", wake);
    return () => response.off("drain", wake);
  });
}

/** Waits until the client is gone. */
export function untilGone(response: ServerResponse): Promise<void> {
  return until(response, () => () => {});
}

/**
 * Makes the waits between tokens. Each is due at a time counted from the start, so that late timers do not add up;
 * null where a token is due already, as all are without a limit.
 */
export function createPace(response: ServerResponse, tokensPerSecond: number | null) {
  if (tokensPerSecond === null) return () => null;
  const startMs = performance.now();
  return function untilDue(tokensBefore: number): Promise<void> | null {
    const waitMs = startMs + (tokensBefore * 1000) / tokensPerSecond - performance.now();
    return waitMs < 1 ? null : untilElapsed(response, waitMs);
  };
}
