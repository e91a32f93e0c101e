-- Models: what can be asked for, on which plan, and which provider serves it.
--
-- Invariant: only an active model can be called, and only on a plan that has it.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.model_status as enum ('new', 'active', 'inactive', 'disabled');
create type private.route_order as enum ('priority', 'cheapest');
create type private.route_listing as enum ('unknown', 'listed', 'missing');

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.models (
  id text primary key check (char_length(id) between 1 and 200),
  name text not null check (char_length(name) between 1 and 200),
  description text not null default '',
  canonical_slug text,
  hugging_face_id text,
  context_tokens integer not null check (context_tokens > 0),
  max_output_tokens integer not null check (max_output_tokens between 1 and context_tokens),
  modality text,
  input_modalities text[] not null default '{text}',
  output_modalities text[] not null default '{text}',
  tokenizer text,
  instruct_type text,
  listed_price jsonb not null default '{}' check (jsonb_typeof(listed_price) = 'object'),
  supported_parameters text[] not null default '{max_tokens,temperature,top_p,stop,seed}',
  default_parameters jsonb not null default '{}' check (jsonb_typeof(default_parameters) = 'object'),
  is_moderated boolean,
  knowledge_cutoff date,
  released_at timestamptz,
  expires_on date,

  status private.model_status not null default 'new',
  status_before private.model_status check (status_before in ('new', 'active')),
  priority smallint not null default 100,
  category text check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
  tags text[] not null default '{}',
  image_tokens integer not null default 50000 check (image_tokens > 0),
  first_token_ms integer check (first_token_ms between 1000 and 140000),
  route_order private.route_order not null default 'priority',
  created_at timestamptz not null default now(),
  last_synced_at timestamptz,
  check ((status = 'inactive') = (status_before is not null))
);

comment on table private.models is
  'The catalogue. What stands before status is as the providers'' catalogues have it, the rest is the operator''s, which no sync changes.';
comment on column private.models.canonical_slug is 'OpenRouter''s lasting name of this very version of the model.';
comment on column private.models.context_tokens is 'The most tokens of prompt and answer together: a provider refuses a longer prompt.';
comment on column private.models.max_output_tokens is 'The most tokens of one answer, reasoning included.';
comment on column private.models.modality is 'What goes in and comes out, in OpenRouter''s short form: text+image->text.';
comment on column private.models.input_modalities is 'What a prompt may hold, in OpenRouter''s words: text, image.';
comment on column private.models.output_modalities is 'What it answers with, in OpenRouter''s words: text, or embeddings.';
comment on column private.models.listed_price is 'The prices as OpenRouter lists them, decimals as text. What is charged is in route_prices.';
comment on column private.models.supported_parameters is 'What can be asked of it, in OpenRouter''s words: temperature, top_p, stop, seed, tools, response_format, structured_outputs, reasoning …';
comment on column private.models.is_moderated is 'Whether OpenRouter has prompts moderated.';
comment on column private.models.released_at is 'When OpenRouter began to list it.';
comment on column private.models.expires_on is 'From this day on it may be gone.';
comment on column private.models.status is
  'new: nobody has decided about it yet; active: can be called; inactive: no provider has it any more, until one has it again; disabled: the operator''s decision, which no sync touches.';
comment on column private.models.status_before is 'What an inactive model is again when it returns.';
comment on column private.models.priority is 'The lowest is listed first.';
comment on column private.models.category is 'The operator''s, such as coding.';
comment on column private.models.image_tokens is 'The most tokens that one image can be billed for. The default is above the dearest known, 48,169 of GPT-4o mini (eight tiles at 5,667, and 2,833).';
comment on column private.models.first_token_ms is 'How long it may think before its first token; null for the service''s own limit.';
comment on column private.models.route_order is 'Whether its routes are tried by priority, or the cheapest first.';
comment on column private.models.last_synced_at is 'When a sync last changed this row; null for one that never did.';

create index models_status on private.models (status, priority, id);

create table private.plan_models (
  plan_id text not null references private.plans (id) on delete cascade,
  model_id text not null references private.models (id) on delete cascade,
  is_default boolean not null default false,
  primary key (plan_id, model_id)
);

comment on table private.plan_models is 'Which plan may call which model.';
comment on column private.plan_models.is_default is 'The model of a request that names none.';

create unique index plan_models_one_default on private.plan_models (plan_id) where is_default;
create index plan_models_model on private.plan_models (model_id);

create table private.model_limits (
  model_id text not null references private.models (id) on delete cascade,
  unit private.limit_unit not null,
  "window" private.limit_window not null check ((unit = 'concurrent') = ("window" = 'instant')),
  amount bigint not null check (amount between 0 and 9007199254740991),
  primary key (model_id, unit, "window"),
  check (amount > 0 or unit <> 'requests' or "window" <> 'minute')
);

comment on table private.model_limits is
  'What each caller may use of a model, on whatever plan: a limit of the plan for the same model takes its place.';
comment on column private.model_limits.amount is 'In the unit of the row: requests, tokens, nano-USD (1e-9 USD), or requests at once.';

create table private.model_routes (
  id bigint generated always as identity primary key,
  model_id text not null references private.models (id) on delete cascade,
  provider text not null check (provider ~ '^[a-z][a-z0-9-]{0,39}$'),
  upstream_model text not null check (char_length(upstream_model) between 1 and 200),
  priority smallint not null default 0,
  weight integer not null default 1 check (weight between 1 and 1000000),
  context_tokens integer check (context_tokens > 0),
  is_enabled boolean not null default true,
  listing private.route_listing not null default 'unknown',
  last_seen_at timestamptz check ((last_seen_at is not null) = (listing = 'missing')),
  unique (model_id, provider, upstream_model)
);

comment on table private.model_routes is 'A way to a model: a provider and the provider''s own name for it.';
comment on column private.model_routes.listing is
  'Whether the provider''s own list has it. missing: it had it once and does not now, so that it is not called; unknown: it never had it, or there is no such list.';
comment on column private.model_routes.last_seen_at is 'When the list that had it last was read; null unless it is missing.';
comment on column private.model_routes.priority is 'The lowest is tried first.';
comment on column private.model_routes.weight is 'Routes of one rank share the chats in this proportion: which is tried first is drawn by lot.';
comment on column private.model_routes.context_tokens is 'What this provider takes, where it is not what the model is said to: a chat that is too long for this route goes on to a larger one.';

revoke all on private.models, private.plan_models, private.model_limits, private.model_routes
  from public, anon, authenticated, service_role;
grant select, insert, update on private.models, private.model_routes to service_role;
grant select, insert, update, delete on private.plan_models, private.model_limits to service_role;
