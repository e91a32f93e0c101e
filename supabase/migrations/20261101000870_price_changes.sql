-- Price changes: how the prices of routes follow what providers list.
--
-- Invariant: a price that moves more than tenfold is applied only at the second word. Catalogues contain slips of that size, and genuine
-- changes, too.

-- Types --------------------------------------------------------------------------------------------------------------

create type private.feed_route as (
  model_id text, upstream_model text, alias text, context_tokens integer, price private.price
);

comment on type private.feed_route is
  'What a provider lists: of a catalogue of models with the model and the price; of a provider''s own list without, and with the alias that it may have beside its name.';

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.held_prices (
  route_id bigint primary key references private.model_routes (id) on delete cascade,
  price private.price not null,
  run_id uuid not null,
  held_at timestamptz not null default now()
);

comment on table private.held_prices is
  'Prices that moved more than tenfold, each held back until the feed of a later run repeats it or an administrator accepts it.';

revoke all on private.held_prices from public, anon, authenticated, service_role;
grant select, insert, update, delete on private.held_prices to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.tier_at(price private.price, min_prompt_tokens bigint, utc time) returns private.price_tier
language sql immutable security invoker set search_path = ''
as $$
  select t
  from unnest(array_prepend(
    (-1, '00:00', '24:00', (price).input_usd, (price).cache_read_usd, (price).cache_write_usd, (price).output_usd, (price).reasoning_usd,
      (price).request_usd)::private.price_tier,
    (price).tiers
  )) t
  where t.min_prompt_tokens <= tier_at.min_prompt_tokens and tier_at.utc >= t.utc_from and tier_at.utc < t.utc_until
  order by t.min_prompt_tokens desc
  limit 1;
$$;

comment on function private.tier_at is 'What a price comes to for a prompt of so many tokens at a time of the day.';

create function private.is_leap(old private.price, new private.price) returns boolean
language sql immutable security invoker set search_path = ''
as $$
  select coalesce(bool_or(
    -- From nothing to something and back is a leap whatever its size.
    (move.a = 0) <> (move.b = 0) or greatest(move.a, move.b) > 10 * least(move.a, move.b)
  ), false)
  from (
    -- Wherever one of the two can begin to be another: every number of tokens at every hour.
    select tokens.value as tokens, hour.value as utc
    from (
      select 0::bigint union select t.min_prompt_tokens from unnest((old).tiers || (new).tiers) t
    ) tokens (value)
    cross join (
      select time '00:00' union select t.utc_from from unnest((old).tiers || (new).tiers) t
      union select t.utc_until from unnest((old).tiers || (new).tiers) t where t.utc_until < '24:00'
    ) hour (value)
  ) point
  cross join lateral (select (private.tier_at(old, point.tokens, point.utc)).*) o
  cross join lateral (select (private.tier_at(new, point.tokens, point.utc)).*) n
  cross join lateral (
    values
      (o.input_usd, n.input_usd), (o.cache_read_usd, n.cache_read_usd), (o.cache_write_usd, n.cache_write_usd),
      (o.output_usd, n.output_usd), (coalesce(o.reasoning_usd, o.output_usd), coalesce(n.reasoning_usd, n.output_usd)),
      (o.request_usd, n.request_usd)
  ) move (a, b);
$$;

comment on function private.is_leap is 'Whether some part of a price is more than ten times what it was, or less than a tenth of it, for some prompt at some hour.';

create function private.change_prices(run_id uuid, provider text, routes private.feed_route[], out changed jsonb, out held jsonb)
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  item record;
begin
  changed := '[]';
  held := '[]';
  for item in
    select r.id, r.model_id, now.price as old, f.price as new, h.price as waiting, h.run_id as waiting_since
    from unnest(routes) f
    join private.model_routes r on r.provider = provider and r.upstream_model = f.upstream_model
    cross join lateral (select private.price_of(r.id)) now (price)
    left join private.held_prices h on h.route_id = r.id
    where f.price is distinct from null and (f.price is distinct from now.price or h.route_id is not null)
    order by r.id
  loop
    if item.new is not distinct from item.old then
      -- It was a slip.
      delete from private.held_prices h where h.route_id = item.id;
    elsif item.old is not distinct from null or not private.is_leap(item.old, item.new)
      or (item.new is not distinct from item.waiting and item.waiting_since <> run_id)
    then
      perform private.add_price(item.id, item.new);
      delete from private.held_prices h where h.route_id = item.id;
      -- The first price of a route is no change.
      if item.old is distinct from null then
        changed := changed || jsonb_build_object(
          'model', item.model_id, 'provider', provider, 'from', private.describe_price(item.old), 'to', private.describe_price(item.new)
        );
      end if;
    else
      insert into private.held_prices as h (route_id, price, run_id) values (item.id, item.new, run_id)
      on conflict (route_id) do update set price = excluded.price, run_id = excluded.run_id, held_at = now();
      held := held || jsonb_build_object(
        'model', item.model_id, 'provider', provider, 'route_id', item.id,
        'from', private.describe_price(item.old), 'to', private.describe_price(item.new)
      );
    end if;
  end loop;
  insert into private.alerts (kind, event, data)
  select 'price_held', format('price %s of route %s', run_id, h ->> 'route_id'), h from jsonb_array_elements(held) h
  on conflict (event) do nothing;
end;
$$;

comment on function private.change_prices is
  'Gives routes the prices of a feed. One that moves more than tenfold is held back, with an alert, until a later run repeats it. Returns what changed and what was held.';

revoke all on function private.tier_at, private.is_leap, private.change_prices from public;
grant execute on function private.tier_at, private.is_leap, private.change_prices to service_role;
