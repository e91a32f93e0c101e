/** The stand-in's own time, in whole seconds since 1970. It runs as fast as the machine's, and can be moved ahead of it or behind. */
export interface Clock {
  now(): number;
  moveTo(instant: number): void;
  /** Does the work as if it were that instant. */
  at(instant: number, work: () => void): void;
}

/** Makes the clock whose distance from the machine's is kept in `kept`. */
export function createClock(kept: { clockAheadMs: number }): Clock {
  let frozen: number | null = null;
  return {
    now: () => frozen ?? Math.floor((Date.now() + kept.clockAheadMs) / 1000),
    moveTo(instant) {
      kept.clockAheadMs = instant * 1000 - Date.now();
    },
    at(instant, work) {
      frozen = instant;
      try {
        work();
      } finally {
        frozen = null;
      }
    },
  };
}
