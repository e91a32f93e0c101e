import { z } from "zod";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { createLimitSchema, limitAmount, namesWindowsOnce } from "../../../shared/domain/limit.ts";

const planIds = z.array(storableText.min(1).max(40)).max(100).default([]);
/** Rates of the column, 32767. */
const priority = z.int().min(-32_768).max(32_767);

/** Null removes the limit. */
const limit = createLimitSchema(limitAmount.nullable(), "disable the model");

/** What administrators decide about a model. What is absent stays. */
export const modelChange = {
  /** `inactive` is nobody's decision: the syncs say it. */
  status: z.enum(["new", "active", "disabled"]).optional(),
  priority: priority.optional(),
  category: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, "must be 1 to 40 of a-z, 0-9 and -, a letter first")
    .nullable()
    .optional(),
  tags: z.array(storableText.min(1).max(40)).max(20).optional(),
  imageTokens: z.int().min(1).max(10_000_000).optional(),
  firstTokenMs: z.int().min(1000).max(140_000).nullable().optional(),
  routeOrder: z.enum(["priority", "cheapest"]).optional(),
  plans: z.strictObject({ add: planIds, remove: planIds, defaultOf: planIds }).optional(),
  limits: z
    .array(limit)
    .max(20)
    .refine(...namesWindowsOnce)
    .optional(),
};

const decimal = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,40})?$/, 'must be a decimal as text, such as "0.00000015": USD')
  .refine((text) => Number(text) < 1, "must be less than 1 USD a token");

const priceParts = {
  inputUsd: decimal,
  cacheReadUsd: decimal,
  cacheWriteUsd: decimal,
  outputUsd: decimal,
  reasoningUsd: decimal.nullable().default(null),
  requestUsd: z
    .string()
    .regex(/^\d{1,2}(\.\d{1,40})?$/, 'must be a decimal as text, such as "0.005": USD')
    .default("0"),
};

const clock = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "must be a time of the day, HH:MM");

const tier = z
  .strictObject({
    ...priceParts,
    minPromptTokens: z.int().min(0).max(1_000_000_000).default(0),
    utcFrom: clock.default("00:00"),
    utcUntil: clock.default("24:00"),
  })
  .refine(({ utcFrom, utcUntil }) => utcFrom < utcUntil, {
    path: ["utcUntil"],
    error: "must be later than utcFrom: hours over midnight are two tiers",
  });

const price = z.strictObject({
  ...priceParts,
  tiers: z
    .array(tier)
    .max(50)
    .default([])
    .refine(
      (tiers) => !tiers.some((one, index) => tiers.slice(index + 1).some((other) => overlap(one, other))),
      {
        error: "must not overlap: two of one number of tokens have hours in common",
      },
    ),
});

function overlap(one: z.output<typeof tier>, other: z.output<typeof tier>): boolean {
  return (
    one.minPromptTokens === other.minPromptTokens &&
    one.utcFrom < other.utcUntil &&
    other.utcFrom < one.utcUntil
  );
}

const decided = {
  priority: priority.optional(),
  weight: z.int().min(1).max(1_000_000).optional(),
  isEnabled: z.boolean().optional(),
  contextTokens: z.int().min(1).max(1_000_000_000).nullable().optional(),
  /** A new price, from now on. */
  price: price.optional(),
};

/** Ways to a model: those that have an id are changed, the others are added. */
export const routesChange = z
  .array(
    z.union([
      z.strictObject({ id: z.int().min(1), ...decided }),
      z.strictObject({
        provider: z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,39}$/, "must be the name of a provider: a-z, 0-9 and -, a letter first"),
        upstreamModel: storableText.min(1).max(200),
        ...decided,
      }),
    ]),
  )
  .max(20)
  .refine((routes) => {
    const ids = routes.flatMap((route) => ("id" in route ? [route.id] : []));
    return new Set(ids).size === ids.length;
  }, "must not name a route twice");
