import { randomUUID } from "node:crypto";
import type { Database } from "./open-database.ts";

/** USD per token, as exact decimals. Those of GPT-4o mini where absent, which are the simulator's own. */
export interface PriceOptions {
  inputUsd?: string;
  cacheReadUsd?: string;
  /** That of input where absent. */
  cacheWriteUsd?: string;
  outputUsd?: string;
}

export interface RouteOptions extends PriceOptions {
  /** `openai` where absent. */
  provider?: string;
  /** The provider's own name of the model. */
  upstream?: string;
  /** Commands of the provider simulator, such as `cut=10`. */
  simulate?: string;
  priority?: number;
  weight?: number;
  contextTokens?: number;
  isEnabled?: boolean;
}

export interface ModelOptions extends Pick<RouteOptions, "simulate">, PriceOptions {
  contextTokens?: number;
  maxOutputTokens?: number;
  /** In the catalogue's words, as are the two below; its usual ones where absent. */
  inputModalities?: string[];
  outputModalities?: string[];
  supportedParameters?: string[];
  imageTokens?: number;
  firstTokenMs?: number;
  routeOrder?: "priority" | "cheapest";
  /** One to OpenAI where absent. What a route does not say is as the model says. */
  routes?: RouteOptions[];
}

export interface LimitOptions {
  unit: "requests" | "tokens" | "nano_usd" | "concurrent";
  window: "minute" | "day" | "month" | "instant";
  amount: number;
  /** The model that alone is limited; all of them where absent. */
  model?: string;
  /** The provider, or the service of the app, that alone is limited. */
  provider?: string;
}

/** Adds an active model with priced routes to the simulator, and returns its id. No plan has it yet. */
export async function makeModel(sql: Database, options: ModelOptions = {}): Promise<string> {
  const [id] = await makeModels(sql, [options]);
  return id as string;
}

/** Adds many models at once. */
export async function makeModels(sql: Database, all: ModelOptions[]): Promise<string[]> {
  const made = all.map((options) => ({ id: `test/${randomUUID()}`, options }));
  const routes = made.flatMap(({ id, options }) => {
    const { simulate, inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd } = options;
    const given = { simulate, inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd };
    return (options.routes ?? [{}]).map((route) => toRouteRow(id, { ...given, ...route }));
  });
  await sql.begin(async (transaction) => {
    await transaction`insert into private.models ${transaction(made.map(toModelRow))}`;
    await transaction`
      with route as (
        insert into private.model_routes (model_id, provider, upstream_model, priority, weight, context_tokens, is_enabled)
        select model_id, provider, upstream_model, priority, weight, context_tokens, is_enabled
        from jsonb_populate_recordset(null::private.model_routes, ${transaction.json(routes)})
        returning id, model_id, provider, upstream_model
      )
      insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
      select route.id, price.input_usd, price.cache_read_usd, price.cache_write_usd, price.output_usd, '2026-01-01'
      from jsonb_to_recordset(${transaction.json(routes)}) as price (
        model_id text, provider text, upstream_model text,
        input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, output_usd numeric
      )
      join route using (model_id, provider, upstream_model)`;
  });
  return made.map(({ id }) => id);
}

function toModelRow({ id, options }: { id: string; options: ModelOptions }) {
  return {
    id,
    name: "Test",
    status: "active",
    context_tokens: options.contextTokens ?? 128_000,
    max_output_tokens: options.maxOutputTokens ?? 4096,
    input_modalities: options.inputModalities ?? ["text"],
    output_modalities: options.outputModalities ?? ["text"],
    supported_parameters: options.supportedParameters ?? [
      "max_tokens",
      "temperature",
      "top_p",
      "stop",
      "seed",
    ],
    image_tokens: options.imageTokens ?? 50_000,
    first_token_ms: options.firstTokenMs ?? null,
    route_order: options.routeOrder ?? "priority",
  };
}

function toRouteRow(
  modelId: string,
  route: { [Name in keyof RouteOptions]: RouteOptions[Name] | undefined },
) {
  const { provider = "openai", upstream = "gpt-4o-mini", simulate, isEnabled = true } = route;
  const { inputUsd = "0.00000015", cacheReadUsd = "0.000000075", outputUsd = "0.0000006" } = route;
  return {
    model_id: modelId,
    provider,
    upstream_model: simulate === undefined ? upstream : `${upstream};${simulate}`,
    priority: route.priority ?? 0,
    weight: route.weight ?? 1,
    context_tokens: route.contextTokens ?? null,
    is_enabled: isEnabled,
    input_usd: inputUsd,
    cache_read_usd: cacheReadUsd,
    cache_write_usd: route.cacheWriteUsd ?? inputUsd,
    output_usd: outputUsd,
  };
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
    for (const { unit, window, amount, model, provider } of limits)
      await transaction`
        insert into private.plan_limits (plan_id, scope, scope_id, unit, "window", amount)
        values (${id}, ${model ? "model" : provider ? "provider" : "all"}, ${model ?? provider ?? ""}, ${unit}, ${window}, ${amount})`;
    for (const [index, model] of models.entries())
      await transaction`
        insert into private.plan_models (plan_id, model_id, is_default) values (${id}, ${model}, ${index === 0})`;
  });
  return id;
}
