import type { PriceParts, PriceTier } from "./feed.ts";

/** Prices that take the place of others where all of their conditions hold. */
export interface PriceOverride<Listed extends object> {
  prices: { [Part in keyof Listed]?: Listed[Part] | undefined };
  minPromptTokens: number;
  /** Seconds of the day (UTC), from one up to another; over midnight where the first is the later one. The whole day where they are equal. */
  hours: [from: number, until: number];
}

export const secondsOfDay = 86_400;

/**
 * The tiers that overrides come to. A tier has all prices, and of those that apply to a call the one with the most tokens counts alone.
 * @param toParts what listed prices come to; what the list does not name may follow from what it does
 */
export function resolveTiers<Listed extends object>(
  base: Listed,
  overrides: PriceOverride<Listed>[],
  toParts: (listed: Listed) => PriceParts,
): PriceTier[] {
  const thresholds = sortedUnique(overrides.map(({ minPromptTokens }) => minPromptTokens));
  const times = sortedUnique([0, ...overrides.flatMap(({ hours }) => hours), secondsOfDay]);
  const tiers = times.slice(0, -1).flatMap((from, index) => {
    const hours = { utc_from: clockOf(from), utc_until: clockOf(times[index + 1] as number) };
    let below = toParts(base);
    return thresholds.flatMap((min_prompt_tokens) => {
      const parts = toParts(pricesAt(base, overrides, { tokens: min_prompt_tokens, second: from }));
      if (areEqual(parts, below)) return [];
      below = parts;
      return [{ min_prompt_tokens, ...hours, ...parts }];
    });
  });
  // As the database compares them.
  return tiers.toSorted(
    (one, other) =>
      one.min_prompt_tokens - other.min_prompt_tokens || (one.utc_from < other.utc_from ? -1 : 1),
  );
}

/**
 * What overrides make of listed prices for a prompt of so many tokens at a second of the day. Of overrides that apply, later ones win price
 * by price, and what none of them names is as the base has it (OpenRouter's `PricingOverride`).
 */
export function pricesAt<Listed extends object>(
  base: Listed,
  overrides: PriceOverride<Listed>[],
  { tokens, second }: { tokens: number; second: number },
): Listed {
  return Object.assign(
    { ...base },
    ...overrides
      .filter(({ minPromptTokens, hours }) => tokens >= minPromptTokens && contains(hours, second))
      .map(({ prices }) => prices),
  );
}

function contains([from, until]: [number, number], second: number): boolean {
  if (from === until) return true;
  return from < until ? from <= second && second < until : second >= from || second < until;
}

function areEqual(one: PriceParts, other: PriceParts): boolean {
  return (Object.keys(one) as (keyof PriceParts)[]).every((part) => one[part] === other[part]);
}

function sortedUnique(numbers: number[]): number[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

function clockOf(second: number): string {
  const digits = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${digits(second / 3600)}:${digits((second / 60) % 60)}:${digits(second % 60)}`;
}
