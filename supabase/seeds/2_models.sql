-- A first handful of models with OpenAI's list prices (USD per token). Rows that exist are left alone.

insert into private.models (id, name, status, context_tokens, max_output_tokens) values
  ('openai/gpt-4o-mini', 'GPT-4o mini', 'active', 128000, 16384),
  ('openai/gpt-4.1-nano', 'GPT-4.1 nano', 'active', 1047576, 32768),
  ('openai/gpt-4.1-mini', 'GPT-4.1 mini', 'active', 1047576, 32768),
  ('openai/gpt-4o', 'GPT-4o', 'active', 128000, 16384),
  ('openai/gpt-4.1', 'GPT-4.1', 'active', 1047576, 32768)
on conflict do nothing;

insert into private.model_routes (model_id, provider, upstream_model) values
  ('openai/gpt-4o-mini', 'openai', 'gpt-4o-mini'),
  ('openai/gpt-4.1-nano', 'openai', 'gpt-4.1-nano'),
  ('openai/gpt-4.1-mini', 'openai', 'gpt-4.1-mini'),
  ('openai/gpt-4o', 'openai', 'gpt-4o'),
  ('openai/gpt-4.1', 'openai', 'gpt-4.1')
on conflict do nothing;

-- OpenAI does not charge for writing to the cache of these models: what is written costs what input costs.
insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
select route.id, price.input_usd, price.cache_read_usd, price.input_usd, price.output_usd, timestamptz '2026-01-01 00:00:00Z'
from (values
  ('gpt-4o-mini',  0.00000015, 0.000000075, 0.0000006),
  ('gpt-4.1-nano', 0.0000001,  0.000000025, 0.0000004),
  ('gpt-4.1-mini', 0.0000004,  0.0000001,   0.0000016),
  ('gpt-4o',       0.0000025,  0.00000125,  0.00001),
  ('gpt-4.1',      0.000002,   0.0000005,   0.000008)
) as price (upstream_model, input_usd, cache_read_usd, output_usd)
join private.model_routes route on route.provider = 'openai' and route.upstream_model = price.upstream_model
on conflict do nothing;

insert into private.plan_models (plan_id, model_id, is_default) values
  ('free', 'openai/gpt-4o-mini', true),
  ('free', 'openai/gpt-4.1-nano', false),
  ('pro', 'openai/gpt-4o-mini', true),
  ('pro', 'openai/gpt-4.1-nano', false),
  ('pro', 'openai/gpt-4.1-mini', false),
  ('pro', 'openai/gpt-4o', false),
  ('pro', 'openai/gpt-4.1', false)
on conflict do nothing;
