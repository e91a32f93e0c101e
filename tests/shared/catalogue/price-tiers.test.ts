import fc from "fast-check";
import { expect, test } from "vitest";
import type { PriceParts, PriceTier } from "../../../shared/catalogue/feed.ts";
import { pricingSchema } from "../../../shared/catalogue/openrouter-price.ts";

const usd = fc.constantFrom("0", "0.000001", "0.0000025", "0.000004", "0.00001");
const keys = [
  "prompt",
  "completion",
  "input_cache_read",
  "input_cache_write",
  "internal_reasoning",
  "request",
] as const;
type Listed = Partial<Record<(typeof keys)[number], string>>;
const parts = fc.record(Object.fromEntries(keys.map((key) => [key, usd])), {
  requiredKeys: [],
}) as fc.Arbitrary<Listed>;
const clock = fc
  .tuple(fc.nat(23), fc.constantFrom(0, 15, 30))
  .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
const override = fc
  .tuple(parts, fc.option(fc.constantFrom(0, 1, 1000, 200_000)), fc.option(fc.tuple(clock, clock)))
  .map(([prices, tokens, hours]) => ({
    ...prices,
    ...(tokens === null ? {} : { min_prompt_tokens: tokens }),
    ...(hours === null ? {} : { utc_start: hours[0], utc_end: hours[1] }),
  }));
const call = fc.record({
  tokens: fc.constantFrom(0, 1, 999, 1000, 5000, 200_000, 900_000),
  minute: fc.nat(1439),
});

test("tiers charge what the overrides that apply say: later ones first, and what they leave out as before", () => {
  fc.assert(
    fc.property(
      parts,
      fc.array(override, { maxLength: 5 }),
      fc.array(call, { minLength: 10 }),
      (base, overrides, calls) => {
        const listed = { prompt: "0.000001", completion: "0.000004", ...base };
        const price = pricingSchema.parse({ ...listed, overrides });
        for (const { tokens, minute } of calls) {
          const applying = overrides.filter(
            (entry) =>
              tokens >= (entry.min_prompt_tokens ?? 0) && isWithin(minute, entry.utc_start, entry.utc_end),
          );
          const merged = Object.assign({}, listed, ...applying) as typeof listed;
          expect(charge(price.tiers, price, tokens, minute)).toEqual(expectedParts(merged));
        }
      },
    ),
    { numRuns: 300 },
  );
});

function isWithin(minute: number, start: string | undefined, end: string | undefined): boolean {
  const minuteOf = (text: string) => 60 * Number(text.slice(0, 2)) + Number(text.slice(3));
  if (start === undefined || end === undefined || start === end) return true;
  const [from, until] = [minuteOf(start), minuteOf(end)];
  // Minute by minute, around midnight.
  for (let at = from; at !== until; at = (at + 1) % 1440) if (at === minute) return true;
  return false;
}

function expectedParts(listed: { prompt: string; completion: string } & Listed) {
  const { prompt, completion, input_cache_read, input_cache_write, internal_reasoning, request } = listed;
  const isNone = (price: string | undefined) => price === undefined || price === "0";
  return {
    ...{ input_usd: prompt, cache_read_usd: input_cache_read ?? prompt },
    cache_write_usd: isNone(input_cache_write) ? prompt : input_cache_write,
    output_usd: completion,
    reasoning_usd: isNone(internal_reasoning) ? completion : internal_reasoning,
    request_usd: request ?? "0",
  };
}

/** As a settlement chooses the price of a call. */
function charge(tiers: PriceTier[], base: PriceParts, tokens: number, minute: number) {
  const time = `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}:00`;
  const tier = tiers
    .filter(
      ({ min_prompt_tokens, utc_from, utc_until }) =>
        min_prompt_tokens <= tokens && utc_from <= time && time < utc_until,
    )
    .toSorted((one, other) => other.min_prompt_tokens - one.min_prompt_tokens)[0];
  const { input_usd, cache_read_usd, cache_write_usd, output_usd, reasoning_usd, request_usd } = tier ?? base;
  return {
    ...{ input_usd, cache_read_usd, cache_write_usd, output_usd, request_usd },
    reasoning_usd: reasoning_usd ?? output_usd,
  };
}

test.each([
  ["an unknown condition", { prompt: "0.1", min_output_tokens: 5 }],
  ["a time that is none", { prompt: "0.1", utc_start: "25:00", utc_end: "06:00" }],
  ["half of a time window", { prompt: "0.1", utc_start: "22:00" }],
  ["a negative price", { prompt: "-0.1" }],
  ["negative tokens", { prompt: "0.1", min_prompt_tokens: -1 }],
])("an override with %s is refused: charging without it would be wrong", (_, entry) => {
  const pricing = { prompt: "0.000001", completion: "0.000004", overrides: [entry] };
  expect(pricingSchema.safeParse(pricing).success).toBe(false);
});

test("hours up to the end of the day are one tier, and hours over midnight two", () => {
  const read = (utc_start: string, utc_end: string) =>
    pricingSchema
      .parse({ prompt: "0.01", completion: "0.01", overrides: [{ prompt: "0.02", utc_start, utc_end }] })
      .tiers.map(({ utc_from, utc_until }) => `${utc_from}-${utc_until}`);
  expect(read("16:30", "24:00")).toEqual(["16:30:00-24:00:00"]);
  expect(read("16:30", "00:30")).toEqual(["00:00:00-00:30:00", "16:30:00-24:00:00"]);
});
