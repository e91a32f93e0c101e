-- Drift: the counters held against the ledger, from which all of them could be made anew.
--
-- Invariant: the three views of drift are empty, at every moment.
--
-- The epoch says what belongs to a window. Times only spare reading what is older: by a minute more, because a hold bears the time at which
-- its call began, and may have waited for a lock while somebody else began the new period.

-- Views -------------------------------------------------------------------------------------------------------------

create view private.billed_holds with (security_invoker = true) as
  select
    l.hold_id, l.user_id, l.held_at, '' as provider,
    -- One that expired and was then settled has a charge more than it has corrections.
    (count(*) filter (where l.entry = 'charge') > count(*) filter (where l.entry = 'correction'))::integer as requests,
    sum(l.input_tokens + l.cache_read_tokens + l.cache_write_tokens + l.output_tokens) as tokens, sum(l.cost_nano) as cost_nano
  from private.ledger l
  group by l.hold_id, l.user_id, l.held_at
  union all
  select
    l.hold_id, l.user_id, l.held_at, l.provider as provider,
    (count(*) filter (where l.entry = 'charge') > count(*) filter (where l.entry = 'correction'))::integer as requests,
    sum(l.input_tokens + l.cache_read_tokens + l.cache_write_tokens + l.output_tokens) as tokens, sum(l.cost_nano) as cost_nano
  from private.ledger l
  group by l.hold_id, l.user_id, l.held_at, l.provider;

comment on view private.billed_holds is 'What each hold came to, as a whole (provider is empty then) and with each provider that it called.';

create view private.metering_drift with (security_invoker = true) as
  select w.id as window_id, w.user_id, w.unit, w."window", w.used, e.used as expected_used, w.held, e.held as expected_held
  from private.usage_windows w
  cross join lateral (
    select
      (
        select coalesce(sum(r.amount), 0)
        from private.holds h
        cross join lateral unnest(h.reservations) r
        where h.state = 'pending' and h.user_id = w.user_id and r.window_id = w.id and r.epoch = w.epoch
      ) as held,
      (
        select coalesce(sum(case w.unit when 'requests' then b.requests when 'tokens' then b.tokens when 'nano_usd' then b.cost_nano end), 0)
        from private.billed_holds b
        join private.holds h on h.id = b.hold_id
        cross join lateral unnest(h.reservations) r
        where b.user_id = w.user_id and b.held_at >= w.period_start - interval '1 minute' and r.window_id = w.id and r.epoch = w.epoch
          and b.provider = case w.scope when 'provider' then w.scope_id else '' end
      ) as used
  ) e
  where w.user_id is not null and (w.used <> e.used or w.held <> e.held);

comment on view private.metering_drift is 'Windows of callers whose counters differ from the ledger and the pending holds. Must be empty.';

create view private.project_drift with (security_invoker = true) as
  with slot as (
    select w.*, min(w.id) over (partition by w.scope, w.scope_id, w.unit, w."window") as limit_id
    from private.usage_windows w
    where w.user_id is null
  ),
  counted as (
    select
      s.limit_id, s.scope, s.scope_id, s.unit, s."window", sum(s.used) as used, sum(s.held) as held, min(s.period_start) as period_start
    from slot s
    group by 1, 2, 3, 4, 5
  ),
  reserved as (
    select s.limit_id, h.id as hold_id, h.state, r.amount
    from private.holds h
    cross join lateral unnest(h.reservations) r
    join slot s on s.id = r.window_id and s.epoch = r.epoch
    where h.state = 'pending' or h.created_at >= (select min(c.period_start) from counted c) - interval '1 minute'
  )
  select c.scope, c.scope_id, c.unit, c."window", c.used, e.used as expected_used, c.held, e.held as expected_held
  from counted c
  cross join lateral (
    select
      coalesce(sum(v.amount) filter (where v.state = 'pending'), 0) as held,
      coalesce(sum(case c.unit when 'requests' then b.requests when 'tokens' then b.tokens when 'nano_usd' then b.cost_nano end), 0) as used
    from reserved v
    left join private.billed_holds b
      on b.hold_id = v.hold_id and b.provider = case c.scope when 'provider' then c.scope_id else '' end
    where v.limit_id = c.limit_id
  ) e
  where c.used <> e.used or c.held <> e.held;

comment on view private.project_drift is
  'Limits of the project whose counters, over all slots, differ from the ledger and the pending holds. Must be empty.';

create view private.credit_drift with (security_invoker = true) as
  select g.id as grant_id, g.user_id, g.left_nano, coalesce(sum(e.amount_nano), 0) as expected_left_nano
  from private.credit_grants g
  left join private.credit_entries e on e.grant_id = g.id
  group by g.id
  having g.left_nano <> coalesce(sum(e.amount_nano), 0);

comment on view private.credit_drift is 'Credits of which more or less is left than their entries say. Must be empty.';

create view private.overdue_holds with (security_invoker = true) as
  select h.id as hold_id, h.user_id, h.expires_at
  from private.holds h
  where h.state = 'pending' and h.expires_at <= now() - interval '5 minutes';

comment on view private.overdue_holds is
  'Holds whose life is over and that neither a request nor the sweep has released: the sweep does not run, or cannot.';

revoke all on private.billed_holds, private.metering_drift, private.project_drift, private.credit_drift, private.overdue_holds
  from public, anon, authenticated, service_role;
grant select on private.billed_holds, private.metering_drift, private.project_drift, private.credit_drift, private.overdue_holds
  to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.check_ledger(since timestamptz) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  written integer;
begin
  with active as materialized (
    select distinct h.user_id from private.holds h where h.created_at >= since
  ),
  drift as (
    select 'window' as what, d.window_id::text as id, to_jsonb(d) as data
    from active a join private.metering_drift d on d.user_id = a.user_id
    union all
    select 'credit', d.grant_id::text, to_jsonb(d) from active a join private.credit_drift d on d.user_id = a.user_id
    union all
    select 'project', concat_ws(' ', d.scope, d.scope_id, d.unit, d."window"), to_jsonb(d) from private.project_drift d where since = '-infinity'
    union all
    select 'overdue', 'holds', jsonb_build_object('holds', count(*), 'oldest_expired_at', min(o.expires_at))
    from private.overdue_holds o
    having count(*) > 0
  )
  insert into private.alerts (kind, event, data)
  select 'ledger_drift', format('drift %s %s %s', d.what, d.id, (now() at time zone 'UTC')::date), d.data || jsonb_build_object('what', d.what)
  from drift d
  on conflict (event) do nothing;
  get diagnostics written = row_count;
  return written;
end;
$$;

comment on function private.check_ledger is
  'Writes an alert, once a day, for each counter that differs from the ledger: of callers who held something since a moment; with -infinity of everybody, and of the project; and one for holds that nobody releases. Returns how many.';

revoke all on function private.check_ledger from public;
