import type { Sql } from "postgres";

/** Has a plan have so many models, each about as OpenRouter lists them, with a route and a price of its own. */
export async function addModels(sql: Sql, planId: string, count: number): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`
      insert into private.models (
        id, name, description, status, context_tokens, max_output_tokens, input_modalities, supported_parameters, category, tags
      )
      select
        'bench/model-' || number, 'Bench: Model ' || number, repeat('Answers. ', 40), 'active', 128000, 16384, '{image,text}',
        '{frequency_penalty,include_reasoning,max_tokens,presence_penalty,reasoning,response_format,seed,stop,structured_outputs,temperature,tool_choice,tools,top_p}',
        'general', '{fast,cheap}'
      from generate_series(0, ${count - 1}::integer) number
      on conflict do nothing`;
    await transaction`
      with route as (
        insert into private.model_routes (model_id, provider, upstream_model, priority)
        select m.id, 'openrouter', m.id, 10 from private.models m where m.id like 'bench/%'
        on conflict do nothing
        returning id
      )
      insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd)
      select id, 0.00000008333333333333334, 0.000000075, 0.00000015, 0.0000006 from route`;
    await transaction`
      insert into private.plan_models (plan_id, model_id, is_default)
      select ${planId}, m.id, m.id = 'bench/model-0' from private.models m where m.id like 'bench/%'
      on conflict do nothing`;
  });
}

/** Puts what a plan's callers are told of each model into a table that PostgREST serves, a column each, and has PostgREST see it. */
export async function readRows(sql: Sql, planId: string): Promise<void> {
  await sql`drop table if exists public.bench_models`;
  await sql`
    create table public.bench_models as
    select
      m ->> 'id' as id, m ->> 'name' as name, m ->> 'category' as category, m -> 'tags' as tags, m -> 'providers' as providers,
      (m ->> 'context_tokens')::integer as context_tokens, (m ->> 'max_output_tokens')::integer as max_output_tokens,
      m -> 'input_modalities' as input_modalities, m -> 'output_modalities' as output_modalities,
      m -> 'supported_parameters' as supported_parameters, m -> 'price' as price, m -> 'limits' as limits,
      (m ->> 'created_at')::timestamptz as created_at
    from json_array_elements(private.describe_models(${planId}, '{}') -> 'models') m`;
  await sql`grant select on public.bench_models to service_role`;
  await sql`analyze`;
  await sql`notify pgrst, 'reload schema'`;
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
