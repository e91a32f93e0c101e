-- A first handful of models with the providers' list prices (USD per token). Rows that exist are left alone. Models that reason may think
-- for two minutes before they say a word.

insert into private.models (
  id, name, status, context_tokens, max_output_tokens, input_modalities, output_modalities, supported_parameters, image_tokens,
  first_token_ms, category, priority
) values
  ('openai/gpt-4o-mini', 'GPT-4o mini', 'active', 128000, 16384, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs}', 48169, null, 'general', 10),
  ('openai/gpt-4o', 'GPT-4o', 'active', 128000, 16384, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs}', 1445, null, 'general', 30),
  ('openai/gpt-4.1-nano', 'GPT-4.1 nano', 'active', 1047576, 32768, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs}', 3779, null, 'general', 20),
  ('openai/gpt-4.1-mini', 'GPT-4.1 mini', 'active', 1047576, 32768, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs}', 2489, null, 'general', 20),
  ('openai/gpt-4.1', 'GPT-4.1', 'active', 1047576, 32768, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs}', 1445, null, 'general', 30),
  ('openai/o4-mini', 'o4-mini', 'active', 200000, 100000, '{text,image}', '{text}',
    '{max_tokens,seed,tools,tool_choice,response_format,structured_outputs,reasoning}', 2643, 120000, 'reasoning', 40),
  ('openai/text-embedding-3-small', 'Text Embedding 3 small', 'active', 8192, 1, '{text}', '{embeddings}', '{}', 1, null, 'embeddings', 90),
  ('anthropic/claude-haiku-4.5', 'Claude Haiku 4.5', 'active', 200000, 64000, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,tools,tool_choice,structured_outputs,reasoning}', 1600, 120000, 'general', 20),
  ('anthropic/claude-sonnet-4.5', 'Claude Sonnet 4.5', 'active', 200000, 64000, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,tools,tool_choice,structured_outputs,reasoning}', 1600, 120000, 'general', 30),
  ('google/gemini-2.5-flash-lite', 'Gemini 2.5 Flash-Lite', 'active', 1048576, 65535, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs,reasoning}', 50000, 120000, 'general', 20),
  ('google/gemini-2.5-flash', 'Gemini 2.5 Flash', 'active', 1048576, 65535, '{text,image}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs,reasoning}', 50000, 120000, 'general', 20),
  ('google/gemini-embedding-001', 'Gemini Embedding', 'active', 2048, 1, '{text}', '{embeddings}', '{}', 1, null, 'embeddings', 90),
  ('deepseek/deepseek-chat-v3.1', 'DeepSeek V3.1', 'active', 32768, 7168, '{text}', '{text}',
    '{max_tokens,temperature,top_p,stop,seed,tools,tool_choice,response_format,structured_outputs,reasoning}', 50000, 120000, 'general', 40)
on conflict do nothing;

-- The provider itself first, then OpenRouter, which serves the same model at the same price. What OpenRouter's catalogue says of a context is
-- not always so at the provider itself.
insert into private.model_routes (model_id, provider, upstream_model, priority, context_tokens)
select route.*, case when route.provider <> 'openrouter' then model.context_tokens end
from (values
  ('openai/gpt-4o-mini', 'openai', 'gpt-4o-mini', 0),
  ('openai/gpt-4o-mini', 'openrouter', 'openai/gpt-4o-mini', 10),
  ('openai/gpt-4o', 'openai', 'gpt-4o', 0),
  ('openai/gpt-4o', 'openrouter', 'openai/gpt-4o', 10),
  ('openai/gpt-4.1-nano', 'openai', 'gpt-4.1-nano', 0),
  ('openai/gpt-4.1-nano', 'openrouter', 'openai/gpt-4.1-nano', 10),
  ('openai/gpt-4.1-mini', 'openai', 'gpt-4.1-mini', 0),
  ('openai/gpt-4.1-mini', 'openrouter', 'openai/gpt-4.1-mini', 10),
  ('openai/gpt-4.1', 'openai', 'gpt-4.1', 0),
  ('openai/gpt-4.1', 'openrouter', 'openai/gpt-4.1', 10),
  ('openai/o4-mini', 'openai', 'o4-mini', 0),
  ('openai/o4-mini', 'openrouter', 'openai/o4-mini', 10),
  ('openai/text-embedding-3-small', 'openai', 'text-embedding-3-small', 0),
  ('anthropic/claude-haiku-4.5', 'anthropic', 'claude-haiku-4-5', 0),
  ('anthropic/claude-haiku-4.5', 'openrouter', 'anthropic/claude-haiku-4.5', 10),
  ('anthropic/claude-sonnet-4.5', 'anthropic', 'claude-sonnet-4-5', 0),
  ('anthropic/claude-sonnet-4.5', 'openrouter', 'anthropic/claude-sonnet-4.5', 10),
  ('google/gemini-2.5-flash-lite', 'google', 'gemini-2.5-flash-lite', 0),
  ('google/gemini-2.5-flash-lite', 'openrouter', 'google/gemini-2.5-flash-lite', 10),
  ('google/gemini-2.5-flash', 'google', 'gemini-2.5-flash', 0),
  ('google/gemini-2.5-flash', 'openrouter', 'google/gemini-2.5-flash', 10),
  ('google/gemini-embedding-001', 'google', 'gemini-embedding-001', 0),
  ('deepseek/deepseek-chat-v3.1', 'openrouter', 'deepseek/deepseek-chat-v3.1', 0)
) as route (model_id, provider, upstream_model, priority)
join private.models model on model.id = route.model_id
on conflict do nothing;

-- Where nothing is charged for writing to the cache, what is written costs what input costs.
insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
select route.id, price.input_usd, price.cache_read_usd, price.cache_write_usd, price.output_usd, timestamptz '2026-01-01 00:00:00Z'
from (values
  ('openai/gpt-4o-mini',            0.00000015, 0.000000075, 0.00000015, 0.0000006),
  ('openai/gpt-4o',                 0.0000025,  0.00000125,  0.0000025,  0.00001),
  ('openai/gpt-4.1-nano',           0.0000001,  0.000000025, 0.0000001,  0.0000004),
  ('openai/gpt-4.1-mini',           0.0000004,  0.0000001,   0.0000004,  0.0000016),
  ('openai/gpt-4.1',                0.000002,   0.0000005,   0.000002,   0.000008),
  ('openai/o4-mini',                0.0000011,  0.000000275, 0.0000011,  0.0000044),
  ('openai/text-embedding-3-small', 0.00000002, 0.00000002,  0.00000002, 0),
  ('anthropic/claude-haiku-4.5',    0.000001,   0.0000001,   0.00000125, 0.000005),
  ('anthropic/claude-sonnet-4.5',   0.000003,   0.0000003,   0.00000375, 0.000015),
  ('google/gemini-2.5-flash-lite',  0.0000001,  0.00000001,  0.0000001,  0.0000004),
  ('google/gemini-2.5-flash',       0.0000003,  0.00000003,  0.0000003,  0.0000025),
  ('google/gemini-embedding-001',   0.00000015, 0.00000015,  0.00000015, 0),
  ('deepseek/deepseek-chat-v3.1',   0.00000015, 0.00000015,  0.00000015, 0.00000075)
) as price (model_id, input_usd, cache_read_usd, cache_write_usd, output_usd)
join private.model_routes route on route.model_id = price.model_id
on conflict do nothing;

insert into private.plan_models (plan_id, model_id, is_default) values
  ('free', 'openai/gpt-4o-mini', true),
  ('free', 'openai/gpt-4.1-nano', false),
  ('free', 'openai/text-embedding-3-small', false),
  ('free', 'google/gemini-2.5-flash-lite', false),
  ('pro', 'openai/gpt-4o-mini', true),
  ('pro', 'openai/gpt-4o', false),
  ('pro', 'openai/gpt-4.1-nano', false),
  ('pro', 'openai/gpt-4.1-mini', false),
  ('pro', 'openai/gpt-4.1', false),
  ('pro', 'openai/o4-mini', false),
  ('pro', 'openai/text-embedding-3-small', false),
  ('pro', 'anthropic/claude-haiku-4.5', false),
  ('pro', 'anthropic/claude-sonnet-4.5', false),
  ('pro', 'google/gemini-2.5-flash-lite', false),
  ('pro', 'google/gemini-2.5-flash', false),
  ('pro', 'google/gemini-embedding-001', false),
  ('pro', 'deepseek/deepseek-chat-v3.1', false)
on conflict do nothing;

-- Those who pay by use or with keys of their own may use what pro has; premium what is not dear.
insert into private.plan_models (plan_id, model_id, is_default)
select plan.id, granted.model_id, granted.is_default
from private.plan_models granted
cross join (values ('byok'), ('premium'), ('enterprise')) as plan (id)
where granted.plan_id = 'pro'
  and (plan.id <> 'premium' or granted.model_id not in ('openai/gpt-4o', 'openai/gpt-4.1', 'anthropic/claude-sonnet-4.5'))
on conflict do nothing;
