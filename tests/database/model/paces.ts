// Rates: so many requests a minute, spread over it.

import { minute } from "./calendar.ts";
import { nameOf } from "./catalogue.ts";
import { greatest, micros } from "./numbers.ts";
import type { Refusal } from "./refusal.ts";
import { type Caller, type EffectiveLimit, nextArrival } from "./state.ts";

/** A rate that a request must keep. */
export interface Pace {
  limit: EffectiveLimit;
  /** When a request may come that may not come now, and when the next is due if this one comes; microseconds since 1970. */
  mayComeAt: bigint;
  nextAt: bigint;
  spacing: bigint;
}

/** A whole minute's requests may come at once; after that one each time an evenly spaced one would be due. */
export function paceOf(caller: Caller, limit: EffectiveLimit, now: number): Pace {
  const spacing = BigInt(Math.round((minute * 1000) / Number(limit.amount)));
  const due = nextArrival(caller, limit, now);
  const nextAt = greatest([due, micros(now)]) + spacing;
  // Spacings are rounded to a microsecond each.
  return { limit, spacing, nextAt, mayComeAt: nextAt - BigInt(minute * 1000) - limit.amount };
}

/** Of rates that are not kept the one that takes longest. */
export function describePaces(paces: Pace[]): Refusal[] {
  const slowest = greatest(paces.map(({ nextAt }) => nextAt));
  return paces
    .filter(({ nextAt }) => nextAt === slowest)
    .map(({ limit, mayComeAt }) => ({
      ...{ code: "SL429", owner: "caller", name: nameOf(limit), limit: limit.amount },
      ...{ resetsAt: Number(mayComeAt / 1000n), upgrade: null },
    }));
}
