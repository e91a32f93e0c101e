-- Metering: what a caller has used and what is held, window by window.
--
-- Invariant: used of a window = the ledger rows of its epoch; held of a window = the reservations of pending holds in its epoch.
--
-- Why nobody can overspend: everything that reads or changes a caller's windows first locks that caller's account row, in the
-- order of user ids (so that two batches cannot deadlock), and decides in a later statement, which therefore sees all that
-- committed before the lock was granted. Only the database's clock counts.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.request_rates (
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  scope private.limit_scope not null,
  scope_id text not null,
  next_at timestamptz not null,
  "limit" bigint not null check ("limit" > 0),
  primary key (user_id, scope, scope_id)
) with (fillfactor = 70);

comment on table private.request_rates is 'Request rates per minute by the generic cell rate algorithm (ITU-T I.371): one row a caller and scope.';
comment on column private.request_rates.next_at is 'The theoretical arrival time: when an evenly spaced caller would send its next request.';
comment on column private.request_rates."limit" is 'How many requests a minute it was worked out for: see next_arrival.';

create sequence private.usage_window_ids;

create table private.usage_windows (
  id bigint primary key,
  user_id uuid references private.accounts (user_id) on delete cascade,
  scope private.limit_scope not null,
  scope_id text not null,
  unit private.limit_unit not null,
  "window" private.limit_window not null,
  slot smallint not null default 0,
  epoch integer not null default 1,
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end > period_start),
  used bigint not null default 0,
  held bigint not null default 0,
  credited bigint not null default 0 check (credited >= 0),
  "limit" bigint not null default 0,
  share bigint check ((share is null) = (user_id is not null)),
  alerted smallint not null default 0,
  unique nulls not distinct (user_id, scope, scope_id, unit, "window", slot),
  check (user_id is null or least(used, held) >= 0)
) with (fillfactor = 70);

comment on table private.usage_windows is
  'Counters of limits. Tied to the caller, not to the plan: a change of plan keeps what is used. Rolled when next needed: epoch + 1, used and held 0.';
comment on column private.usage_windows.id is 'From usage_window_ids, drawn when the window is first needed.';
comment on column private.usage_windows.user_id is 'Null for a slot of a limit of the whole project.';
comment on column private.usage_windows.slot is 'A limit of the project is counted in several slots, so that chats do not wait for each other.';
comment on column private.usage_windows.used is 'Settled in this epoch, in the unit of the row: requests, tokens, or nano-USD.';
comment on column private.usage_windows.held is 'Held by pending holds of this epoch, in the unit of the row.';
comment on column private.usage_windows.credited is 'The part of used that credits paid for: what is used beyond the limit.';
comment on column private.usage_windows."limit" is 'What the limit was when something was last held.';
comment on column private.usage_windows.share is 'How much of the project''s limit this slot may use.';
comment on column private.usage_windows.alerted is 'The highest share of the limit, in percent, that an alert was written for in this epoch.';

create index usage_windows_period_end on private.usage_windows (period_end) where period_end < 'infinity';

revoke all on private.request_rates, private.usage_windows from public, anon, authenticated, service_role;
grant select, insert, update on private.request_rates, private.usage_windows to service_role;
revoke all on sequence private.usage_window_ids from public, anon, authenticated, service_role;
grant usage on sequence private.usage_window_ids to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.caller_limits with (security_invoker = true) as
  select
    l.user_id, l.scope, l.scope_id, l.unit, l."window", l.amount, l.source, l.expires_at,
    -- Requests of one provider are counted: which provider is called is known only when it is over, and a rate cannot be given back.
    l.unit = 'requests' and l."window" = 'minute' and l.scope <> 'provider' as is_rate
  from (
    select a.user_id, p.scope, p.scope_id, p.unit, p."window", p.amount, 'plan' as source, null::timestamptz as expires_at
    from private.current_accounts a
    join private.plan_limits p on p.plan_id = a.plan_id
    where not exists (
      select from private.limit_overrides o
      where (o.user_id, o.scope, o.scope_id, o.unit, o."window") = (a.user_id, p.scope, p.scope_id, p.unit, p."window")
        and o.expires_at > now()
    )
    union all
    select o.user_id, o.scope, o.scope_id, o.unit, o."window", o.amount, 'override', nullif(o.expires_at, 'infinity')
    from private.limit_overrides o
    where o.expires_at > now() and o.amount is not null
    union all
    select a.user_id, 'model', m.model_id, m.unit, m."window", m.amount, 'catalogue', null
    from private.current_accounts a
    cross join private.model_limits m
    where not exists (
      select from private.plan_limits p
      where (p.plan_id, p.scope, p.scope_id, p.unit, p."window") = (a.plan_id, 'model', m.model_id, m.unit, m."window")
    ) and not exists (
      select from private.limit_overrides o
      where (o.user_id, o.scope, o.scope_id, o.unit, o."window") = (a.user_id, 'model', m.model_id, m.unit, m."window")
        and o.expires_at > now()
    )
    union all
    select k.user_id, 'api_key', k.id::text, l.unit, l."window", l.amount, 'api_key', k.expires_at
    from private.live_api_keys k
    join private.api_key_limits l on l.api_key_id = k.id
  ) l;

comment on view private.caller_limits is
  'The limits that count for a caller at this moment: an override''s before the plan''s, the plan''s before the catalogue''s; those of the caller''s API keys beside them. is_rate: spread over its minute (request_rates) and not counted (usage_windows).';

revoke all on private.caller_limits from public, anon, authenticated, service_role;
grant select on private.caller_limits to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.next_arrival(rate private.request_rates, "limit" bigint) returns timestamptz
language sql stable security invoker set search_path = ''
as $$
  select case
    when rate.next_at > now() then
      now() + interval '1 microsecond'
        * least(floor(extract(epoch from rate.next_at - now()) * 1000000 * rate."limit" / next_arrival."limit"), 60000000)
    else rate.next_at
  end;
$$;

comment on function private.next_arrival is
  'The theoretical arrival time at another limit: as many requests as before have been used of the minute, and no more than all.';

create function private.set_paid_period(user_id uuid, paid_from timestamptz, paid_until timestamptz) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform private.lock_accounts(array[user_id]);
  update private.accounts a set paid_from = paid_from, paid_until = paid_until where a.user_id = user_id;
  -- The running month ends with the period, and keeps what is used: neither a first payment nor a repeated notice of it is a reset.
  update private.usage_windows w set period_end = (private.period_of('month', a.calendar, now())).period_end
  from private.current_accounts a
  where a.user_id = user_id and w.user_id = user_id and w."window" = 'month' and w.period_end > now();
end;
$$;

comment on function private.set_paid_period is
  'Months are from now on those of the period that the payment service names; nulls for those of the anchor. Twice is once.';

create function private.set_time_zone(user_id uuid, time_zone text) returns json
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  calendar private.calendar;
  today private.period;
  midnight private.period;
  end_of_today timestamptz;
begin
  perform private.lock_accounts(array[user_id]);
  calendar := (select a.calendar from private.current_accounts a where a.user_id = user_id);
  if calendar is null then
    return json_build_object('refusal', 'SL401');
  end if;
  begin
    -- Names of IANA alone: Postgres reads abbreviations and offsets of the writer's own, too, in which there are digits.
    if time_zone !~ '^(UTC|Etc/GMT[+-][0-9]{1,2}|[A-Za-z_]+(/[A-Za-z_-]+)+)$' then
      return json_build_object('refusal', 'SL400');
    end if;
    today := private.period_of('day', calendar, now());
    midnight := private.day_of(time_zone, today.period_end);
  exception when invalid_parameter_value then
    return json_build_object('refusal', 'SL400');
  end;
  if time_zone = calendar.time_zone then
    return json_build_object();
  elsif now() < calendar.long_day_end then
    return json_build_object('refusal', 'SL429', 'detail', json_build_object(
      'resets_at', calendar.long_day_end, 'retry_after_ms', ceil(1000 * extract(epoch from calendar.long_day_end - now()))
    ));
  end if;
  -- Today lasts until the first midnight of the new zone that is not before its own end.
  end_of_today := case when midnight.period_start = today.period_end then midnight.period_start else midnight.period_end end;
  update private.accounts a set time_zone = time_zone, long_day_start = today.period_start, long_day_end = end_of_today
  where a.user_id = user_id;
  update private.usage_windows w set period_end = end_of_today
  where w.user_id = user_id and w."window" = 'day' and w.period_end > now();
  return json_build_object();
end;
$$;

comment on function private.set_time_zone is
  'Where a caller''s days begin from the next midnight on: once a day. Answers with a refusal (an SQLSTATE of ours), or without.';

create function private.roll_windows(most integer) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- Whoever is busy rolls their own windows.
  user_ids uuid[] := array(
    select a.user_id from private.accounts a
    where a.user_id = any (array(
      select distinct w.user_id from (
        select o.user_id from private.usage_windows o
        where o.period_end <= now() and o.user_id is not null and (o.used > 0 or o.held > 0)
        order by o.period_end limit most
      ) w
    ))
    order by a.user_id
    for no key update skip locked
  );
  rolled integer;
begin
  update private.usage_windows w set
    epoch = w.epoch + 1, used = 0, held = 0, credited = 0, alerted = 0,
    (period_start, period_end) = (select p.period_start, p.period_end from private.period_of(w."window", a.calendar, now()) p)
  from private.current_accounts a
  where w.user_id = any (user_ids) and a.user_id = w.user_id and w.period_end <= now();
  get diagnostics rolled = row_count;
  return rolled;
end;
$$;

comment on function private.roll_windows is
  'Begins the new period of callers who were not there to do it, so many windows at a time. Nothing depends on it: a window whose period is over counts as rolled. Returns how many it rolled.';

revoke all on function private.next_arrival, private.set_paid_period, private.set_time_zone, private.roll_windows from public;
grant execute on function private.set_time_zone to service_role;
grant execute on function private.next_arrival to service_role;
