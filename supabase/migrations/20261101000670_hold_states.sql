-- Hold states: what a hold came to, and what is left of the limits that it takes from, as callers and services are told.

create function private.describe_holds(hold_ids uuid[])
returns table (
  hold_id uuid, state private.hold_state, expires_at timestamptz, usage json, cost_nano bigint, estimated boolean, limits json
)
language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  oldest timestamptz;
  newest timestamptz;
begin
  select min(h.created_at), max(h.created_at) into oldest, newest from private.holds h where h.id = any (hold_ids);
  return query
  select hold_id, h.state, h.expires_at, bill.usage, bill.cost_nano, bill.estimated, coalesce(budget.limits, '[]')
  from unnest(hold_ids) hold_id
  left join private.holds h on h.id = hold_id and h.id = any (hold_ids)
  cross join lateral (
    select
      json_build_object(
        'input_tokens', coalesce(sum(l.input_tokens), 0), 'cache_read_tokens', coalesce(sum(l.cache_read_tokens), 0),
        'cache_write_tokens', coalesce(sum(l.cache_write_tokens), 0), 'output_tokens', coalesce(sum(l.output_tokens), 0),
        'reasoning_tokens', coalesce(sum(l.reasoning_tokens), 0)
      ) as usage,
      coalesce(sum(l.cost_nano), 0)::bigint as cost_nano,
      coalesce(sum(case l.entry when 'charge' then 1 when 'correction' then -1 else 0 end) filter (where l.estimated), 0) > 0 as estimated
    from private.ledger l
    -- The range spares the partitions of all other months.
    where l.hold_id = h.id and l.held_at = h.created_at and l.held_at between oldest and newest
  ) bill
  left join lateral (
    select json_agg(json_build_object(
      'scope', w.scope, 'scope_id', w.scope_id, 'unit', w.unit, 'window', w."window", 'limit', l.amount,
      'used', current.used, 'held', current.held, 'resets_at', nullif(current.period_end, 'infinity')
    ) order by w."window", w.unit) as limits
    from unnest(h.reservations) r
    join private.usage_windows w on w.id = r.window_id and w.user_id = h.user_id
    -- By the hold's caller, who is known before: a caller whom the window names is not passed into the view, which then lists everybody's.
    join private.caller_limits l
      on l.user_id = h.user_id and l.scope = w.scope and l.scope_id = w.scope_id and l.unit = w.unit and l."window" = w."window"
    cross join lateral (
      select w.used - w.credited, w.held, w.period_end where w.period_end > now()
      union all
      -- A window whose period is over counts as rolled.
      select 0, 0, (private.period_of(w."window", a.calendar, now())).period_end
      from private.current_accounts a
      where a.user_id = h.user_id and w.period_end <= now()
    ) current (used, held, period_end)
  ) budget on true;
end;
$$;

comment on function private.describe_holds is
  'How holds stand: tokens and nano-USD charged for each, whether some of it is estimated, and its caller''s limits that it takes from. The state of one that there is not is null.';

revoke all on function private.describe_holds from public;
grant execute on function private.describe_holds to service_role;
