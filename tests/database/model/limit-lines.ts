// What is told of limits, one line each, so that the model's and the database's can be compared.

import { minute } from "./calendar.ts";
import { type LimitKey, nameOf } from "./catalogue.ts";
import { micros } from "./numbers.ts";

/** Of a rate is used what could not be sent at this moment. */
export function describeRate(amount: bigint, wholeAt: bigint, now: number) {
  const missing = Math.ceil((Number(amount) * Number(wholeAt - micros(now))) / (minute * 1000) - 0.001);
  const used = BigInt(Math.max(0, Math.min(missing, Number(amount))));
  return { used, held: 0n, resetsAt: Math.floor(Number(wholeAt) / 1000) };
}

/** One line of what is told of a limit. */
export function describeLimit(
  key: LimitKey,
  limit: bigint,
  { used, held, resetsAt }: { used: bigint; held: bigint; resetsAt: number | null },
): string {
  const reset = resetsAt === null || !Number.isFinite(resetsAt) ? "never" : new Date(resetsAt).toISOString();
  return `${nameOf(key)}: ${used} + ${held} of ${limit}, resets ${reset}`;
}
