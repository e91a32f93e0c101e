import { randomUUID } from "node:crypto";
import type { Database } from "./connect-database.ts";

export interface ModelOptions {
  /** Commands of the provider simulator, such as `cut=10`. */
  simulate?: string;
  contextTokens?: number;
  maxOutputTokens?: number;
  /** USD per token, as exact decimals. */
  inputUsd?: string;
  cacheReadUsd?: string;
  outputUsd?: string;
}

export interface LimitOptions {
  unit: "requests" | "tokens" | "nano_usd";
  window: "minute" | "day" | "month";
  amount: number;
  /** The model that alone is limited; all of them where absent. */
  model?: string;
}

/** Adds an active model with one priced route to the simulator, and returns its id. No plan has it yet. */
export async function makeModel(sql: Database, options: ModelOptions = {}): Promise<string> {
  const id = `test/${randomUUID()}`;
  const {
    simulate,
    contextTokens = 128_000,
    maxOutputTokens = 4096,
    inputUsd = "0.00000015",
    cacheReadUsd = "0.000000075",
    outputUsd = "0.0000006",
  } = options;
  const upstream = simulate === undefined ? "gpt-4o-mini" : `gpt-4o-mini;${simulate}`;
  await sql`
    with model as (
      insert into private.models (id, name, status, context_tokens, max_output_tokens)
      values (${id}, 'Test', 'active', ${contextTokens}, ${maxOutputTokens})
      returning id
    ),
    route as (
      insert into private.model_routes (model_id, provider, upstream_model)
      select id, 'openai', ${upstream} from model
      returning id
    )
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
    select id, ${inputUsd}, ${cacheReadUsd}, ${inputUsd}, ${outputUsd}, '2026-01-01' from route`;
  return id;
}

/** Adds a plan, dearer than all before it, with these limits and models (the first is the default), and returns its id. */
export async function makePlan(
  sql: Database,
  { limits = [], models = [] }: { limits?: LimitOptions[]; models?: string[] },
): Promise<string> {
  const id = `test-${randomUUID().slice(0, 18)}`;
  await sql.begin(async (transaction) => {
    // Ranks are unique and tests run side by side.
    await transaction`select pg_advisory_xact_lock(hashtext('rank of a test plan'))`;
    await transaction`
      insert into private.plans (id, name, rank) select ${id}, 'Test', max(rank) + 1 from private.plans`;
    for (const { unit, window, amount, model } of limits)
      await transaction`
        insert into private.plan_limits (plan_id, scope, scope_id, unit, "window", amount)
        values (${id}, ${model ? "model" : "all"}, ${model ?? ""}, ${unit}, ${window}, ${amount})`;
    for (const [index, model] of models.entries())
      await transaction`
        insert into private.plan_models (plan_id, model_id, is_default) values (${id}, ${model}, ${index === 0})`;
  });
  return id;
}
