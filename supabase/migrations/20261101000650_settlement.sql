-- Settlement: how a hold is closed, and what it did cost is posted.
--
-- Invariants
--   A hold is settled once. Settling never refuses for lack of funds, because the money is spent.
--   What a hold took from a window it gives back to the same epoch of it; a window that has rolled since is left alone.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.charge as (
  attempt smallint, price_id bigint, outcome private.charge_outcome, estimated boolean, credential_id text,
  input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint,
  service_nano bigint
);

comment on type private.charge is 'service_nano: what another service of the app says that it cost; null for a chat, whose price is known.';

create type private.hold_settlement as (hold_id uuid, state private.hold_state, charges private.charge[]);

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.settle_holds(settlements private.hold_settlement[]) returns setof uuid
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_column
declare
  oldest timestamptz;
  newest timestamptz;
  found record;
  slots bigint[] := '{}';
  closed uuid[];
  costs bigint[];
begin
  -- One slot of each limit of the project that something was held in.
  if exists (select from private.usage_windows where user_id is null) then
    for found in
      select w.scope, w.scope_id, w.unit, w."window"
      from private.usage_windows w
      where w.user_id is null
      group by 1, 2, 3, 4
      having bool_or(w.id = any (array(
        select r.window_id
        from unnest(settlements) s join private.holds h on h.id = s.hold_id cross join lateral unnest(h.reservations) r
      )))
      order by min(w.id)
    loop
      slots := slots || private.take_slot(found.scope, found.scope_id, found.unit, found."window", false);
    end loop;
  end if;

  select min(h.created_at), max(h.created_at) into oldest, newest
  from unnest(settlements) s join private.holds h on h.id = s.hold_id;

  with hold as materialized (
    select h.*, s.state as next_state, s.charges
    from (select distinct on (hold_id) * from unnest(settlements)) s
    join private.holds h on h.id = s.hold_id
    -- As a case, of which the planner knows nothing: by its statistics hardly a hold is pending, and joins that are made for one row
    -- take the square of a batch.
    where case h.state when 'pending' then true when 'expired' then s.state = 'settled' end
    -- A caller who was deleted has no account to be locked by.
    for no key update of h
  ),
  closing as (
    update private.holds h set state = hold.next_state from hold where h.id = hold.id
  ),
  posted as (
    insert into private.ledger (
      hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, conversation_id, api_key_id, model_id, provider,
      upstream_model, credential_id, price_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano
    )
    -- A price that the hold does not name finds no row here, and the null cost refuses the settlement.
    select
      h.id, c.attempt, 'charge'::private.ledger_entry, h.created_at, c.outcome, c.estimated, h.is_byok, h.user_id, h.plan_id,
      h.conversation_id, h.api_key_id, h.model_id, coalesce(h.service, route.provider), route.upstream_model, c.credential_id, price.id,
      c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens,
      case
        when h.service is not null then c.service_nano
        when price.id is not null and h.is_byok then 0
        else ceil(1e9 * (
          c.input_tokens * rate.input_usd + c.cache_read_tokens * rate.cache_read_usd + c.cache_write_tokens * rate.cache_write_usd
          + (c.output_tokens - c.reasoning_tokens) * rate.output_usd
          + c.reasoning_tokens * coalesce(rate.reasoning_usd, rate.output_usd)
          + calls.count * rate.request_usd
        ))
      end
    from hold h
    cross join lateral unnest(h.charges) c
    -- What expires is charged in one for all its calls, but prices are those of one.
    cross join lateral (select case h.next_state when 'expired' then h.calls else 1 end as count) calls
    left join private.route_prices price on price.id = c.price_id and price.id = any (h.price_ids)
    left join private.model_routes route on route.id = price.route_id
    -- The tier whose hours were when it was held, as its dearest was, however long the call took; without one the price itself.
    left join lateral (
      select tier.*
      from (
        select t.input_usd, t.cache_read_usd, t.cache_write_usd, t.output_usd, t.reasoning_usd, t.request_usd, t.min_prompt_tokens
        from private.route_price_tiers t
        where t.price_id = price.id and private.applies_at(t, h.created_at)
          and t.min_prompt_tokens <= (c.input_tokens + c.cache_read_tokens + c.cache_write_tokens) / calls.count
        union all
        select price.input_usd, price.cache_read_usd, price.cache_write_usd, price.output_usd, price.reasoning_usd, price.request_usd, -1
      ) tier
      order by tier.min_prompt_tokens desc
      limit 1
    ) rate on true
    union all
    -- The hold had expired and something was charged for it: what really happened takes its place.
    select
      l.hold_id, l.attempt, 'correction', l.held_at, l.outcome, l.estimated, l.is_byok, l.user_id, l.plan_id, l.conversation_id,
      l.api_key_id, l.model_id, l.provider, l.upstream_model, l.credential_id, l.price_id,
      -l.input_tokens, -l.cache_read_tokens, -l.cache_write_tokens, -l.output_tokens, -l.reasoning_tokens,
      -l.cost_nano - coalesce(refund.cost_nano, 0)
    from hold h
    join private.ledger l
      on l.hold_id = h.id and l.held_at = h.created_at and l.entry = 'charge' and l.held_at between oldest and newest
    left join private.ledger refund
      on refund.hold_id = l.hold_id and refund.held_at = l.held_at and refund.attempt = l.attempt and refund.entry = 'refund'
      and refund.held_at between oldest and newest
    where h.state = 'expired'
    returning hold_id, provider, entry, input_tokens + cache_read_tokens + cache_write_tokens + output_tokens as tokens, cost_nano
  ),
  -- Of a whole hold, and of each provider that it called.
  billed as (
    select
      hold_id, coalesce(provider, '') as provider, sum(tokens) as tokens, sum(cost_nano) as cost_nano,
      bool_or(entry = 'charge')::integer - bool_or(entry = 'correction')::integer as requests
    from posted
    group by grouping sets ((hold_id), (hold_id, provider))
  ),
  -- What each window gets and gives back; what has expired has given back what it held.
  movement as (
    select
      coalesce(slot.id, w.id) as id,
      sum(case when h.state = 'pending' then r.amount else 0 end) as released,
      sum(case w.unit when 'requests' then b.requests when 'tokens' then b.tokens when 'nano_usd' then b.cost_nano end) as added
    from hold h
    cross join lateral unnest(h.reservations) r
    -- A window that has rolled since is left alone: the ledger has the charge, in the epoch that the hold names.
    join private.usage_windows w on w.id = r.window_id and w.epoch = r.epoch
    left join private.usage_windows slot
      on w.user_id is null and slot.user_id is null and slot.id = any (slots)
      and slot.scope = w.scope and slot.scope_id = w.scope_id and slot.unit = w.unit and slot."window" = w."window"
    left join billed b on b.hold_id = h.id and b.provider = case w.scope when 'provider' then w.scope_id else '' end
    group by 1
  ),
  -- Of a limit of the project the other slots count, too.
  standing as (
    select
      w.id, w.user_id, w.scope, w.scope_id, w.unit, w."window", w."limit", w.epoch, w.period_start, w.period_end, w.alerted,
      m.released, coalesce(m.added, 0) as added,
      coalesce(m.added, 0) + case
        when w.user_id is not null then w.used
        else (
          select sum(o.used) from private.usage_windows o
          where o.user_id is null and o.scope = w.scope and o.scope_id = w.scope_id and o.unit = w.unit and o."window" = w."window"
        )
      end as used
    from movement m
    join private.usage_windows w on w.id = m.id
  ),
  reached as (
    select s.*, t.percent
    from standing s
    join private.alert_thresholds t on t.percent > s.alerted and t.percent * s."limit" <= 100 * s.used
    where s."window" in ('day', 'month') and s."limit" > 0 and s.used > 0
  ),
  alerted as (
    insert into private.alerts (kind, event, data)
    select
      'limit_threshold',
      format('limit %s %s %s %s %s %s %s of %s', coalesce(r.user_id::text, 'project'), r.scope, r.scope_id, r.unit, r."window",
        extract(epoch from r.period_start)::bigint, r.percent, r."limit"),
      jsonb_build_object(
        'user_id', r.user_id, 'scope', r.scope, 'scope_id', r.scope_id, 'unit', r.unit, 'window', r."window", 'percent', r.percent,
        'limit', r."limit", 'used', r.used, 'resets_at', r.period_end
      )
    from reached r
    on conflict (event) do nothing
  ),
  moved as (
    update private.usage_windows w set
      held = w.held - s.released, used = w.used + s.added,
      alerted = greatest(w.alerted, (select max(r.percent) from reached r where r.id = s.id))
    from standing s
    where w.id = s.id
  )
  select array_agg(hold.id), array_agg(coalesce(b.cost_nano, 0))
  into closed, costs
  from hold
  left join billed b on b.hold_id = hold.id and b.provider = '';

  if exists (
    select from private.credit_grants g where g.user_id = any (array(select h.user_id from private.holds h where h.id = any (closed)))
  ) then
    perform private.follow_with_credits(c.hold_id, c.cost_nano)
    from unnest(closed, costs) as c (hold_id, cost_nano)
    where c.cost_nano <> 0;
  end if;
  return query select unnest(closed);
end;
$$;

comment on function private.settle_holds is
  'Closes holds and posts what their requests cost; never refuses for lack of funds, because the money is spent. Returns the holds it closed: twice is once. The callers must be locked (lock_accounts).';

create function private.refund_charge(hold_id uuid, attempt smallint, amount_nano bigint) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  charge private.ledger;
begin
  perform private.lock_accounts(array(select h.user_id from private.holds h where h.id = hold_id));
  select l.* into charge
  from private.holds h
  join private.ledger l on l.hold_id = h.id and l.held_at = h.created_at
  where h.id = hold_id and l.attempt = attempt and l.entry = 'charge'
    and amount_nano between 1 and l.cost_nano
    and not exists (
      select from private.ledger e
      where e.hold_id = l.hold_id and e.held_at = l.held_at and e.attempt = l.attempt and e.entry <> 'charge'
    );
  if not found then
    return false;
  end if;
  insert into private.ledger (
    hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, conversation_id, api_key_id, model_id, provider,
    upstream_model, credential_id, price_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano
  ) values (
    charge.hold_id, charge.attempt, 'refund', charge.held_at, charge.outcome, charge.estimated, charge.is_byok, charge.user_id,
    charge.plan_id, charge.conversation_id, charge.api_key_id, charge.model_id, charge.provider, charge.upstream_model,
    charge.credential_id, charge.price_id, 0, 0, 0, 0, 0, -amount_nano
  );
  perform from private.usage_windows w where w.user_id is null and w.id = any (array(
    select r.window_id from private.holds h cross join lateral unnest(h.reservations) r where h.id = hold_id
  )) order by w.id for no key update;
  update private.usage_windows w set used = w.used - amount_nano
  from private.holds h
  cross join lateral unnest(h.reservations) r
  where h.id = hold_id and w.id = r.window_id and w.epoch = r.epoch and w.unit = 'nano_usd'
    and (w.scope <> 'provider' or w.scope_id = charge.provider);
  perform private.follow_with_credits(hold_id, -amount_nano);
  return true;
end;
$$;

comment on function private.refund_charge is
  'Gives money back for one provider call: once, and at most what it cost. Tokens and requests stay counted. False where there is nothing to refund.';

revoke all on function private.settle_holds, private.refund_charge from public;
grant execute on function private.settle_holds to service_role;
