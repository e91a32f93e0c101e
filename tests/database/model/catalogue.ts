// What the callers of the model can buy and call: small enough that every limit is met often.

import type { Database } from "../../support/open-database.ts";
import type { WindowName } from "./calendar.ts";

export type Scope = "all" | "model" | "provider";
export type Unit = "requests" | "tokens" | "nano_usd" | "concurrent";

/** What a limit is of. `scopeId` is the model or the provider, empty for scope all. */
export interface LimitKey {
  scope: Scope;
  scopeId: string;
  unit: Unit;
  window: WindowName;
}

export interface Limit extends LimitKey {
  amount: bigint;
}

/** Pico-USD (1e-12 USD) a token, and a call: nano-USD with parts, exact. */
export interface Price {
  input: bigint;
  cacheRead: bigint;
  cacheWrite: bigint;
  output: bigint;
  /** Of output tokens that are reasoning. */
  reasoning: bigint;
  request: bigint;
}

/** What a call costs whose prompt has so many tokens or more and that was held in these hours (UTC), from one up to another. */
export interface Tier extends Price {
  from: bigint;
  hours: [number, number];
}

export interface Route {
  provider: string;
  priority: number;
  price: Price;
  tiers?: Tier[];
}

export interface Model {
  id: string;
  contextTokens: number;
  maxOutputTokens: number;
  imageTokens: number;
  isEmbedding: boolean;
  order: "priority" | "cheapest";
  routes: Route[];
}

export interface Plan {
  id: string;
  rank: number;
  models: string[];
  limits: Limit[];
}

const priceOf = (
  input: bigint,
  cacheRead: bigint,
  cacheWrite: bigint,
  output: bigint,
  { reasoning = output, request = 0n } = {},
): Price => ({ input, cacheRead, cacheWrite, output, reasoning, request });

const allDay: Tier["hours"] = [0, 24];

export const models: Model[] = [
  {
    ...{ id: "model/a", contextTokens: 4000, maxOutputTokens: 1000, imageTokens: 300 },
    ...{ isEmbedding: false, order: "priority" },
    routes: [
      {
        ...{
          provider: "alpha",
          priority: 0,
          price: priceOf(150_500n, 75_000n, 190_000n, 600_250n, { request: 2_000_700n }),
        },
        tiers: [{ from: 700n, hours: allDay, ...priceOf(301_000n, 150_000n, 380_000n, 900_001n) }],
      },
      // Reasoning is dearer than the rest, and a call costs something by itself.
      {
        ...{ provider: "beta", priority: 1 },
        price: priceOf(200_000n, 20_000n, 200_000n, 500_000n, { reasoning: 610_003n, request: 9_000_500n }),
      },
    ],
  },
  {
    // The one that is tried first is not the one of the first priority.
    ...{ id: "model/b", contextTokens: 2000, maxOutputTokens: 500, imageTokens: 100 },
    ...{ isEmbedding: false, order: "cheapest" },
    routes: [
      { provider: "beta", priority: 0, price: priceOf(1_000_000n, 100_000n, 1_250_000n, 3_000_000n) },
      // Dear in the morning and cheap at night, and long prompts by other prices, at night by others again.
      {
        ...{ provider: "alpha", priority: 1, price: priceOf(700_007n, 70_000n, 0n, 2_100_000n) },
        tiers: [
          {
            from: 0n,
            hours: [8, 12],
            ...priceOf(900_000n, 90_000n, 0n, 4_000_000n, { reasoning: 1_000_000n, request: 700n }),
          },
          { from: 0n, hours: [22, 24], ...priceOf(300_001n, 30_000n, 0n, 900_000n) },
          { from: 500n, hours: [0, 22], ...priceOf(800_000n, 80_000n, 1_600_000n, 2_500_000n) },
          {
            from: 500n,
            hours: [22, 24],
            ...priceOf(400_000n, 40_000n, 0n, 1_000_000n, { reasoning: 1_300_000n }),
          },
        ],
      },
    ],
  },
  {
    ...{ id: "model/c", contextTokens: 1000, maxOutputTokens: 1, imageTokens: 100 },
    ...{ isEmbedding: true, order: "priority" },
    routes: [{ provider: "alpha", priority: 0, price: priceOf(20_500n, 20_500n, 20_500n, 0n) }],
  },
];

/** A limit in short: its key as four words, without the scope's name for scope all, and its amount. */
export function limitOf(text: string, amount: bigint | number): Limit {
  return { ...keyOf(text), amount: BigInt(amount) };
}

/** `requests day`, `model model/a tokens day`. */
export function keyOf(text: string): LimitKey {
  const words = text.split(" ");
  const [scope, scopeId, unit, window] = words.length === 2 ? ["all", "", ...words] : words;
  return { scope, scopeId, unit, window } as LimitKey;
}

export function nameOf({ scope, scopeId, unit, window }: LimitKey): string {
  return scope === "all" ? `${unit} ${window}` : `${scope} ${scopeId} ${unit} ${window}`;
}

export const plans: Plan[] = [
  {
    ...{ id: "low", rank: 20, models: ["model/a", "model/c"] },
    limits: [
      limitOf("requests minute", 6),
      limitOf("requests day", 12),
      limitOf("tokens month", 12_000),
      limitOf("nano_usd month", 1_500_000),
      limitOf("concurrent instant", 3),
      limitOf("model model/a requests minute", 4),
      limitOf("provider alpha requests day", 5),
    ],
  },
  {
    ...{ id: "mid", rank: 30, models: ["model/a", "model/b"] },
    limits: [
      limitOf("requests day", 20),
      limitOf("tokens day", 8000),
      limitOf("nano_usd month", 3_000_000),
      limitOf("concurrent instant", 4),
      limitOf("model model/a tokens minute", 4000),
      limitOf("model model/b nano_usd day", 2_000_000),
      limitOf("provider alpha tokens day", 3000),
      limitOf("provider beta requests minute", 3),
      limitOf("provider alpha concurrent instant", 2),
    ],
  },
  {
    ...{ id: "high", rank: 40, models: ["model/a", "model/b", "model/c"] },
    limits: [
      limitOf("requests month", 60),
      limitOf("tokens minute", 9000),
      limitOf("nano_usd day", 5_000_000),
      limitOf("nano_usd month", 6_000_000),
      limitOf("model model/a concurrent instant", 3),
      limitOf("model model/b requests minute", 7),
      limitOf("provider alpha nano_usd minute", 1_500_000),
      limitOf("provider beta nano_usd month", 2_000_000),
      limitOf("provider images tokens day", 2000),
    ],
  },
];

/** Of each caller, on whatever plan. */
export const catalogueLimits: Limit[] = [
  limitOf("model model/a tokens day", 9000),
  limitOf("model model/a tokens minute", 5000),
  limitOf("model model/b requests day", 8),
];

/** Of all callers together. */
export const projectLimits: Limit[] = [
  limitOf("nano_usd month", 4_000_000),
  limitOf("provider beta tokens day", 9000),
];

/** Adds all of it to an empty database, with prices that count from 2020 on. */
export async function addCatalogue(sql: Database): Promise<void> {
  const limitRow = ({ scope, scopeId, unit, window, amount }: Limit) => ({
    ...{ scope, scope_id: scopeId, unit, window, amount: String(amount) },
  });
  await sql.begin(async (transaction) => {
    await transaction`insert into private.plans ${transaction(plans.map(({ id, rank }) => ({ id, name: id, rank })))}`;
    await transaction`insert into private.plan_limits ${transaction(
      plans.flatMap(({ id, limits }) => limits.map((limit) => ({ plan_id: id, ...limitRow(limit) }))),
    )}`;
    await transaction`insert into private.models ${transaction(models.map(toModelRow))}`;
    await transaction`insert into private.plan_models ${transaction(
      plans.flatMap(({ id, models }) =>
        models.map((model_id, index) => ({ plan_id: id, model_id, is_default: index === 0 })),
      ),
    )}`;
    await transaction`insert into private.model_limits ${transaction(
      catalogueLimits.map((limit) => {
        const { scope: _, scope_id: model_id, ...row } = limitRow(limit);
        return { model_id, ...row };
      }),
    )}`;
    await transaction`insert into private.project_limits ${transaction(projectLimits.map(limitRow))}`;
    for (const { id, routes } of models)
      for (const { provider, priority, price, tiers = [] } of routes) {
        const [route] = await transaction<[{ id: number }]>`
          insert into private.model_routes (model_id, provider, upstream_model, priority)
          values (${id}, ${provider}, 'x', ${priority}) returning id`;
        const [row] = await transaction<[{ id: number }]>`
          insert into private.route_prices ${transaction({ route_id: route.id, valid_from: "2020-01-01", ...toPriceRow(price) })}
          returning id`;
        for (const { from, hours, ...tier } of tiers)
          await transaction`
            insert into private.route_price_tiers ${transaction({
              ...{ price_id: row.id, min_prompt_tokens: String(from) },
              ...{ utc_from: `${hours[0]}:00`, utc_until: `${hours[1]}:00`, ...toPriceRow(tier) },
            })}`;
      }
  });
}

function toModelRow({ id, contextTokens, maxOutputTokens, imageTokens, isEmbedding, order }: Model) {
  return {
    ...{ id, name: id, status: "active", context_tokens: contextTokens, max_output_tokens: maxOutputTokens },
    ...{ input_modalities: ["text", "image"], output_modalities: [isEmbedding ? "embeddings" : "text"] },
    ...{ image_tokens: imageTokens, route_order: order },
  };
}

/** A price as the database has it. Of reasoning that costs what all output costs it says nothing. */
export function toPriceRow({ input, cacheRead, cacheWrite, output, reasoning, request }: Price) {
  const usd = (pico: bigint) => `0.${String(pico).padStart(12, "0")}`;
  return {
    ...{ input_usd: usd(input), cache_read_usd: usd(cacheRead), cache_write_usd: usd(cacheWrite) },
    ...{ output_usd: usd(output), reasoning_usd: reasoning === output ? null : usd(reasoning) },
    request_usd: usd(request),
  };
}
