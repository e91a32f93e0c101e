-- Prices: what a provider charges for a call, exact.
--
-- Invariant: a price is never changed. A new price is a new row, so that what a hold or a ledger row names stays true.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.price_tier as (
  min_prompt_tokens bigint, utc_from time, utc_until time,
  input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, output_usd numeric, reasoning_usd numeric, request_usd numeric
);

create type private.price as (
  input_usd numeric, cache_read_usd numeric, cache_write_usd numeric, output_usd numeric, reasoning_usd numeric, request_usd numeric,
  tiers private.price_tier[]
);

comment on type private.price is 'A row of route_prices with its tiers, in the order of their keys.';

create type private.offered_price as (
  provider text, price_id bigint, dearest_input_usd numeric, dearest_output_usd numeric, request_usd numeric
);

comment on type private.offered_price is
  'What a route can charge for each token of a prompt, written to the cache or not, for each of an answer, reasoning or not, and for the call itself, but for tiers.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.route_prices (
  id bigint generated always as identity primary key,
  route_id bigint not null references private.model_routes (id),
  input_usd numeric not null check (input_usd >= 0 and input_usd < 1),
  cache_read_usd numeric not null check (cache_read_usd >= 0 and cache_read_usd < 1),
  cache_write_usd numeric not null check (cache_write_usd >= 0 and cache_write_usd < 1),
  output_usd numeric not null check (output_usd >= 0 and output_usd < 1),
  reasoning_usd numeric check (reasoning_usd >= 0 and reasoning_usd < 1),
  request_usd numeric not null default 0 check (request_usd >= 0 and request_usd < 100),
  valid_from timestamptz not null default now(),
  unique (route_id, valid_from)
);

comment on table private.route_prices is
  'What a provider charges: USD per token, exact. Append-only; the newest that has begun counts. A route without a price is never called, and a route with one is disabled, not deleted.';
comment on column private.route_prices.input_usd is 'Per input token that was neither read from nor written to the cache.';
comment on column private.route_prices.output_usd is 'Per output token; of reasoning, too, unless that has a price of its own.';
comment on column private.route_prices.reasoning_usd is 'Per output token that is reasoning; null where that costs what all output costs.';
comment on column private.route_prices.request_usd is 'Per call, whatever its tokens.';

create table private.route_price_tiers (
  price_id bigint not null references private.route_prices (id),
  min_prompt_tokens bigint not null default 0 check (min_prompt_tokens >= 0),
  utc_from time not null default '00:00',
  utc_until time not null default '24:00',
  input_usd numeric not null check (input_usd >= 0 and input_usd < 1),
  cache_read_usd numeric not null check (cache_read_usd >= 0 and cache_read_usd < 1),
  cache_write_usd numeric not null check (cache_write_usd >= 0 and cache_write_usd < 1),
  output_usd numeric not null check (output_usd >= 0 and output_usd < 1),
  reasoning_usd numeric check (reasoning_usd >= 0 and reasoning_usd < 1),
  request_usd numeric not null default 0 check (request_usd >= 0 and request_usd < 100),
  primary key (price_id, min_prompt_tokens, utc_from),
  check (utc_from < utc_until)
);

comment on table private.route_price_tiers is
  'What a whole call costs whose prompt has so many tokens or more and that was held in these hours, in the place of its price: of those that apply the one with the most tokens. Append-only; to be added with the price.';
comment on column private.route_price_tiers.min_prompt_tokens is 'Of the prompt as the provider counts it, with what was read from and written to the cache.';
comment on column private.route_price_tiers.utc_from is 'Up to utc_until, which is not part of it. Hours over midnight are two rows; those of one number of tokens do not overlap.';

revoke all on private.route_prices, private.route_price_tiers from public, anon, authenticated, service_role;
grant select, insert on private.route_prices, private.route_price_tiers to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.refuse_change() returns trigger
language plpgsql security invoker set search_path = ''
as $$
begin
  raise exception 'Rows of %.% are never changed or removed: add a correcting row instead.', tg_table_schema, tg_table_name
    using errcode = 'SL405';
end;
$$;

revoke all on function private.refuse_change from public;

create trigger route_prices_append_only before update or delete or truncate on private.route_prices
  for each statement execute function private.refuse_change();

create trigger route_price_tiers_append_only before update or delete or truncate on private.route_price_tiers
  for each statement execute function private.refuse_change();

create function private.applies_at(tier private.route_price_tiers, at timestamptz) returns boolean
language sql immutable security invoker set search_path = ''
return (at at time zone 'UTC')::time >= tier.utc_from and (at at time zone 'UTC')::time < tier.utc_until;

comment on function private.applies_at is 'Whether a moment lies in the hours of a tier.';

-- In PL/pgSQL, which plans a statement once a session: a function in SQL, which is not inlined, plans it with every call.
create function private.price_of(route_id bigint) returns private.price
language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (select (
    p.input_usd, p.cache_read_usd, p.cache_write_usd, p.output_usd, p.reasoning_usd, p.request_usd,
    array(
      select (
        t.min_prompt_tokens, t.utc_from, t.utc_until,
        t.input_usd, t.cache_read_usd, t.cache_write_usd, t.output_usd, t.reasoning_usd, t.request_usd
      )::private.price_tier
      from private.route_price_tiers t
      where t.price_id = p.id
      order by t.min_prompt_tokens, t.utc_from
    )
  )::private.price
  from private.route_prices p
  where p.route_id = price_of.route_id and p.valid_from <= now()
  order by p.valid_from desc
  limit 1);
end;
$$;

comment on function private.price_of is 'The price of a route that is in force; null where it has none.';

create function private.is_free(price private.price) returns boolean
language sql immutable security invoker set search_path = ''
as $$
  select greatest(
    (price).input_usd, (price).cache_read_usd, (price).cache_write_usd, (price).output_usd, (price).reasoning_usd, (price).request_usd,
    (
      select max(greatest(t.input_usd, t.cache_read_usd, t.cache_write_usd, t.output_usd, t.reasoning_usd, t.request_usd))
      from unnest((price).tiers) t
    )
  ) = 0;
$$;

comment on function private.is_free is 'Whether a price is nothing, whatever is asked for, and when.';

create function private.add_price(route_id bigint, price private.price) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- One after the other, and each after the last: whoever began earlier and comes later must not be in force before who came first.
  perform from private.model_routes r where r.id = add_price.route_id for no key update;
  with added as (
    insert into private.route_prices (
      route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, reasoning_usd, request_usd, valid_from
    )
    values (
      add_price.route_id, (price).input_usd, (price).cache_read_usd, (price).cache_write_usd, (price).output_usd, (price).reasoning_usd,
      (price).request_usd,
      greatest(now(), (
        -- But for prices that begin some other day.
        select max(p.valid_from) + interval '1 microsecond'
        from private.route_prices p
        where p.route_id = add_price.route_id and p.valid_from < now() + interval '1 minute'
      ))
    )
    returning id
  )
  insert into private.route_price_tiers (
    price_id, min_prompt_tokens, utc_from, utc_until, input_usd, cache_read_usd, cache_write_usd, output_usd, reasoning_usd, request_usd
  )
  select
    added.id, t.min_prompt_tokens, t.utc_from, t.utc_until, t.input_usd, t.cache_read_usd, t.cache_write_usd, t.output_usd,
    t.reasoning_usd, t.request_usd
  from added cross join lateral unnest((price).tiers) t;
end;
$$;

comment on function private.add_price is 'Gives a route another price, from this moment on.';

create function private.describe_price(price private.price) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  if price is not distinct from null then
    return null;
  end if;
  return jsonb_build_object(
    'input_usd', (price).input_usd::text, 'cache_read_usd', (price).cache_read_usd::text, 'cache_write_usd', (price).cache_write_usd::text,
    'output_usd', (price).output_usd::text, 'reasoning_usd', (price).reasoning_usd::text, 'request_usd', (price).request_usd::text,
    'tiers', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'min_prompt_tokens', t.min_prompt_tokens, 'utc_from', to_char(t.utc_from, 'HH24:MI'), 'utc_until', to_char(t.utc_until, 'HH24:MI'),
        'input_usd', t.input_usd::text, 'cache_read_usd', t.cache_read_usd::text, 'cache_write_usd', t.cache_write_usd::text,
        'output_usd', t.output_usd::text, 'reasoning_usd', t.reasoning_usd::text, 'request_usd', t.request_usd::text
      )), '[]')
      from unnest((price).tiers) t
    )
  );
end;
$$;

comment on function private.describe_price is 'A price for people, its decimals as text: a number of JSON would lose digits. Null for none.';

revoke all on function private.applies_at, private.price_of, private.is_free, private.add_price, private.describe_price from public;
grant execute on function private.applies_at, private.price_of, private.is_free, private.add_price, private.describe_price to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.priced_models with (security_invoker = true) as
  select
    route.model_id,
    json_agg(
      json_build_object(
        'id', route.id, 'price_id', price.id, 'provider', route.provider, 'upstream_model', route.upstream_model,
        'rank', asked.rank, 'weight', route.weight, 'context_tokens', coalesce(route.context_tokens, model.context_tokens)
      )
      order by asked.rank, route.id
    ) as routes,
    array_agg(route.id) as route_ids,
    array_agg(route.provider) as providers,
    array_agg(price.id order by asked.rank, route.id) as price_ids,
    array_agg((
      route.provider, price.id, greatest(price.input_usd, price.cache_write_usd), greatest(price.output_usd, price.reasoning_usd),
      price.request_usd
    )::private.offered_price) as prices
  from private.model_routes route
  join private.models model on model.id = route.model_id
  cross join lateral (
    select p.*
    from private.route_prices p
    where p.route_id = route.id and p.valid_from <= now()
    order by p.valid_from desc
    limit 1
  ) price
  cross join lateral (
    -- Prompts are longer than answers: three to one is the usual blend.
    select case model.route_order when 'priority' then route.priority else 3 * price.input_usd + price.output_usd end as rank
  ) asked
  where route.is_enabled and route.listing <> 'missing'
  group by route.model_id;

comment on view private.priced_models is
  'The routes of a model, each with the price in force and its rank (the lowest is tried first), and what it can charge at most, but for tiers. A model without a priced route is not here.';

revoke all on private.priced_models from public, anon, authenticated, service_role;
grant select on private.priced_models to service_role;
