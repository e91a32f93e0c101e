import { z } from "zod";
import type { Price, PriceParts } from "./feed.ts";
import { type PriceOverride, resolveTiers, secondsOfDay } from "./price-tiers.ts";

/** A decimal that is not negative, with no more digits than the database should have to keep. Small exponents are known to occur. */
const decimal = z
  .string()
  .refine((text) => /^-?\d{1,9}(\.\d{1,40})?(e-?\d{1,2})?$/i.test(text), "must be a decimal number")
  .refine((text) => !text.startsWith("-"), "is negative");

/** The dearest models there are cost less than a thousandth of it. */
const perToken = decimal.refine((text) => Number(text) < 1, "is absurd: 1 USD a token or more");
const perCall = decimal.refine((text) => Number(text) < 100, "is absurd: 100 USD a call or more");

/** The prices that a chat of ours can meet. */
const listedSchema = z.object({
  prompt: perToken,
  completion: perToken,
  input_cache_read: perToken.optional(),
  input_cache_write: perToken.optional(),
  internal_reasoning: perToken.optional(),
  request: perCall.optional(),
});

/** Prices of what no chat of ours asks for: other inputs and outputs than text and images, searches. They are shown, not charged. */
const otherPrices = z
  .object({
    ...{ audio: z.unknown(), audio_output: z.unknown(), image: z.unknown(), image_output: z.unknown() },
    ...{ image_token: z.unknown(), input_audio_cache: z.unknown(), input_cache_write_1h: z.unknown() },
    web_search: z.unknown(),
  })
  .partial();

const timeOfDay = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$|^24:00(?::00)?$/, "must be a time of the day, HH:MM")
  .transform((text) => {
    const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
    return (3600 * hours + 60 * minutes + seconds) % secondsOfDay;
  });

/** Strict: a condition that is not known here may be one that matters. */
const overrideSchema = z
  .strictObject({
    ...listedSchema.partial().shape,
    ...otherPrices.shape,
    min_prompt_tokens: z.int().min(0).max(1_000_000_000).default(0),
    utc_start: timeOfDay.optional(),
    utc_end: timeOfDay.optional(),
  })
  .refine(({ utc_start, utc_end }) => (utc_start === undefined) === (utc_end === undefined), {
    error: "must have both utc_start and utc_end, or neither",
  })
  .transform(
    ({ min_prompt_tokens, utc_start = 0, utc_end = 0, ...prices }): PriceOverride<Listed> => ({
      prices: listedSchema.partial().parse(prices),
      minPromptTokens: min_prompt_tokens,
      hours: [utc_start, utc_end],
    }),
  );

type Listed = z.output<typeof listedSchema>;

/**
 * `pricing` of a model of OpenRouter's. A discount is shown and not taken off: the price as listed is the most that can be billed.
 */
export const pricingSchema = listedSchema
  .extend({ overrides: z.array(overrideSchema).max(50).default([]) })
  .transform(
    ({ overrides, ...listed }): Price => ({
      ...toParts(listed),
      tiers: resolveTiers(listed, overrides, toParts),
    }),
  );

/**
 * What is read from or written to a cache, and reasoning, cost what the rest of the prompt or of the answer costs where the list has no
 * price of theirs. For writing and reasoning, older lists have a zero in the place of none.
 */
function toParts(listed: Listed): PriceParts {
  const own = (price: string | undefined, general: string) =>
    price === undefined || Number(price) === 0 ? general : price;
  const reasoning = own(listed.internal_reasoning, listed.completion);
  return {
    input_usd: listed.prompt,
    cache_read_usd: listed.input_cache_read ?? listed.prompt,
    cache_write_usd: own(listed.input_cache_write, listed.prompt),
    output_usd: listed.completion,
    reasoning_usd: reasoning === listed.completion ? null : reasoning,
    request_usd: listed.request ?? "0",
  };
}
