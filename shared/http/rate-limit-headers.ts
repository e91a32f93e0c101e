import type { LimitState } from "../domain/chat-event.ts";

const units = ["requests", "tokens"] as const;

/** The names of the headers below, for pages that may read them. */
export const rateLimitHeaderNames = units.flatMap((unit) => [
  `x-ratelimit-limit-${unit}`,
  `x-ratelimit-remaining-${unit}`,
  `x-ratelimit-reset-${unit}`,
]);

/**
 * How many requests and tokens are left, as OpenAI's clients read it: of all limits of a unit the one with the least left, and among
 * those the one that resets last.
 * @param nowMs milliseconds since the epoch
 * @returns no header of a unit that no limit counts
 */
export function rateLimitHeaders(limits: LimitState[], nowMs: number): Record<string, string> {
  return Object.fromEntries(
    units.flatMap((unit) => {
      const [first, ...others] = limits.filter((limit) => limit.unit === unit);
      if (first === undefined) return [];
      const { limit, left, resetsAt } = others.reduce(scarcer, first);
      return [
        [`x-ratelimit-limit-${unit}`, String(limit)],
        [`x-ratelimit-remaining-${unit}`, String(left)],
        [`x-ratelimit-reset-${unit}`, writeDuration(resetsAt === null ? 0 : Date.parse(resetsAt) - nowMs)],
      ];
    }),
  );
}

function scarcer(one: LimitState, other: LimitState): LimitState {
  if (one.left !== other.left) return one.left < other.left ? one : other;
  return (other.resetsAt ?? "") > (one.resetsAt ?? "") ? other : one;
}

/** As Go writes it, and so OpenAI: `120ms`, `6m0s`, `744h0m0s`. Rounded up: who waits so long does not come too early. */
function writeDuration(ms: number): string {
  if (ms <= 0) return "0s";
  const wholeMs = Math.ceil(ms);
  if (wholeMs < 1000) return `${wholeMs}ms`;
  const seconds = Math.ceil(wholeMs / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${hours + minutes > 0 ? `${minutes}m` : ""}${seconds % 60}s`;
}
