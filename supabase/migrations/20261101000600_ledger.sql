-- Ledger: what every provider call cost, and how a hold is settled into it.
--
-- Invariants
--   Every provider call that may cost money has exactly one ledger row. The ledger is never edited: corrections are rows.
--   A hold is settled once. Settling never refuses for lack of funds, because the money is spent.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.ledger_entry as enum ('charge', 'correction');
create type private.charge_outcome as enum ('completed', 'interrupted', 'expired');

comment on type private.charge_outcome is
  'completed: the provider finished its answer; interrupted: it was cut; expired: nobody reported back, so what was surely sent is charged.';

create type private.charge as (
  attempt smallint, price_id bigint, outcome private.charge_outcome, estimated boolean,
  input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint
);

create type private.hold_settlement as (hold_id uuid, state private.hold_state, charges private.charge[]);

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.ledger (
  hold_id uuid not null,
  attempt smallint not null check (attempt >= 0),
  entry private.ledger_entry not null,
  outcome private.charge_outcome not null,
  estimated boolean not null,
  user_id uuid not null,
  plan_id text not null,
  model_id text not null,
  provider text not null,
  upstream_model text not null,
  price_id bigint not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_nano bigint not null,
  created_at timestamptz not null default now(),
  primary key (hold_id, attempt, entry),
  check (entry = 'correction' or least(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost_nano) >= 0),
  check (abs(reasoning_tokens) <= abs(output_tokens))
);

comment on table private.ledger is
  'What every provider call cost. Append-only. No foreign keys: it outlives callers, models and prices.';
comment on column private.ledger.attempt is 'The provider call within the request, from 1; 0 for a hold that expired.';
comment on column private.ledger.estimated is 'True where the provider reported no usage and tokens were estimated from the text.';
comment on column private.ledger.input_tokens is 'Neither read from nor written to the cache: the buckets do not overlap.';
comment on column private.ledger.reasoning_tokens is 'Part of output_tokens, shown separately.';
comment on column private.ledger.cost_nano is 'Nano-USD (1e-9 USD), rounded up once per provider call.';

create index ledger_user on private.ledger (user_id, created_at);

create trigger ledger_append_only before update or delete or truncate on private.ledger
  for each statement execute function private.refuse_change();

revoke all on private.ledger from public, anon, authenticated, service_role;
grant select, insert on private.ledger to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.settle_holds(settlements private.hold_settlement[]) returns setof uuid
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with hold as materialized (
    select h.id, h.user_id, h.plan_id, h.model_id, h.price_ids, h.reservations, h.state as prior_state, s.state, s.charges
    from (select distinct on (hold_id) * from unnest(settlements)) s
    join private.holds h on h.id = s.hold_id
    where h.state = 'pending' or (h.state = 'expired' and s.state = 'settled')
  ),
  closed as (
    update private.holds h set state = hold.state, settled_at = now() from hold where h.id = hold.id
  ),
  posted as (
    insert into private.ledger (
      hold_id, attempt, entry, outcome, estimated, user_id, plan_id, model_id, provider, upstream_model, price_id,
      input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano
    )
    -- A price that the hold does not name finds no row here, and the null cost refuses the settlement.
    select
      h.id, c.attempt, 'charge'::private.ledger_entry, c.outcome, c.estimated, h.user_id, h.plan_id, h.model_id,
      route.provider, route.upstream_model, price.id,
      c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens,
      ceil(1e9 * (
        c.input_tokens * price.input_usd + c.cache_read_tokens * price.cache_read_usd
        + c.cache_write_tokens * price.cache_write_usd + c.output_tokens * price.output_usd
      ))
    from hold h
    cross join lateral unnest(h.charges) c
    left join private.route_prices price on price.id = c.price_id and price.id = any (h.price_ids)
    left join private.model_routes route on route.id = price.route_id
    union all
    -- The hold had expired and something was charged for it: what really happened takes its place.
    select
      l.hold_id, l.attempt, 'correction', l.outcome, l.estimated, l.user_id, l.plan_id, l.model_id,
      l.provider, l.upstream_model, l.price_id,
      -l.input_tokens, -l.cache_read_tokens, -l.cache_write_tokens, -l.output_tokens, -l.reasoning_tokens, -l.cost_nano
    from hold h
    join private.ledger l on l.hold_id = h.id
    where h.prior_state = 'expired'
    returning hold_id, input_tokens + cache_read_tokens + cache_write_tokens + output_tokens as tokens, cost_nano
  ),
  billed as (
    select hold_id, sum(tokens) as tokens, sum(cost_nano) as cost_nano from posted group by hold_id
  ),
  -- What each window gets and gives back. An expired hold has given back what it held, and has counted one request.
  movement as (
    select
      r.window_id, r.epoch,
      sum(case when h.prior_state = 'pending' then r.amount else 0 end) as released,
      sum((cardinality(h.charges) > 0)::integer - (h.prior_state = 'expired')::integer) as requests,
      sum(coalesce(b.tokens, 0)) as tokens,
      sum(coalesce(b.cost_nano, 0)) as cost_nano
    from hold h
    cross join lateral unnest(h.reservations) r
    left join billed b on b.hold_id = h.id
    group by r.window_id, r.epoch
  ),
  -- A window that has rolled since is left alone: the ledger has the charge, in the epoch that the hold names.
  moved as (
    update private.usage_windows w set
      held = w.held - m.released,
      used = w.used + case w.unit when 'requests' then m.requests when 'tokens' then m.tokens when 'nano_usd' then m.cost_nano end
    from movement m
    where w.id = m.window_id and w.epoch = m.epoch
  )
  select id from hold;
end;
$$;

comment on function private.settle_holds is
  'Closes holds and posts what their requests cost; never refuses for lack of funds, because the money is spent. Returns the holds it closed: twice is once. The callers must be locked (lock_accounts).';

create function private.expire_holds(user_ids uuid[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  settlements private.hold_settlement[];
begin
  -- The function that held died before it could settle. It sends the prompt in the moment it learns of the hold, so the
  -- prompt is presumed sent; what of the answer was written down was surely made. The estimate of both is charged, about 4 bytes a
  -- token; if the function does report later, that takes its place.
  select array_agg((
    h.id, 'expired',
    array[(
      0, h.price_ids[1], 'expired', true, h.calls::bigint * h.likely_prompt_tokens, 0, 0,
      least(ceil(written.bytes / 4.0), h.calls::bigint * h.max_output_tokens), 0
    )::private.charge]
  )::private.hold_settlement)
  into settlements
  from private.holds h
  cross join lateral (
    select coalesce(sum(octet_length(p.content) + octet_length(p.reasoning)), 0) as bytes
    from private.reply_parts p
    where p.request_id = h.id
  ) written
  where h.user_id = any (user_ids) and h.state = 'pending' and h.expires_at <= now();

  if settlements is not null then
    perform private.settle_holds(settlements);
  end if;
end;
$$;

comment on function private.expire_holds is 'Releases what dead functions left held by these callers. The callers must be locked (lock_accounts).';

revoke all on function private.settle_holds, private.expire_holds from public;
grant execute on function private.settle_holds, private.expire_holds to service_role;

-- Report ----------------------------------------------------------------------------------------------------------------

create view private.metering_drift with (security_invoker = true) as
  with reserved as (
    select h.id as hold_id, h.state, r.window_id, r.epoch, r.amount
    from private.holds h
    cross join lateral unnest(h.reservations) r
  ),
  posted as (
    select
      hold_id,
      (count(*) filter (where entry = 'charge') > count(*) filter (where entry = 'correction'))::integer as requests,
      sum(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens) as tokens,
      sum(cost_nano) as cost_nano
    from private.ledger
    group by hold_id
  ),
  expected as (
    select
      w.id,
      coalesce(sum(v.amount) filter (where v.state = 'pending'), 0) as held,
      coalesce(sum(case w.unit when 'requests' then p.requests when 'tokens' then p.tokens when 'nano_usd' then p.cost_nano end), 0) as used
    from private.usage_windows w
    left join reserved v on v.window_id = w.id and v.epoch = w.epoch
    left join posted p on p.hold_id = v.hold_id
    group by w.id
  )
  select w.id as window_id, w.user_id, w.unit, w."window", w.used, e.used as expected_used, w.held, e.held as expected_held
  from private.usage_windows w
  join expected e on e.id = w.id
  where w.used <> e.used or w.held <> e.held;

comment on view private.metering_drift is 'Windows whose counters differ from the ledger and the pending holds. Must be empty.';

revoke all on private.metering_drift from public, anon, authenticated, service_role;
grant select on private.metering_drift to service_role;
