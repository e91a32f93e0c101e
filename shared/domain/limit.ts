import { z } from "zod";

/** In the unit of the limit. */
export const limitAmount = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * A limit as somebody sets it, as the database has it: a limit of nothing has no rate, what runs at once no window.
 * @param remedy what to do in the place of a rate of nothing
 */
export function createLimitSchema<Amount extends z.ZodType<number | null>>(amount: Amount, remedy: string) {
  return z
    .strictObject({
      unit: z.enum(["requests", "tokens", "nano_usd", "concurrent"]),
      window: z.enum(["minute", "day", "month", "instant"]),
      amount,
    })
    .refine(({ unit, window }) => (unit === "concurrent") === (window === "instant"), {
      path: ["window"],
      error: "must be instant for concurrent, and only for that",
    })
    .refine(
      ({ unit, window, ...limit }) =>
        (limit as { amount: number | null }).amount !== 0 || unit !== "requests" || window !== "minute",
      {
        path: ["amount"],
        error: `must be at least 1: a rate of nothing is none; ${remedy}`,
      },
    );
}

/** Of several limits each has a unit and a window of its own. */
export const namesWindowsOnce = [
  (limits: { unit: string; window: string }[]): boolean =>
    new Set(limits.map(({ unit, window }) => `${unit} ${window}`)).size === limits.length,
  "must not name a unit and window twice",
] as const;
