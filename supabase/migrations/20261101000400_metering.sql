-- Metering: what a caller has used and what is held, window by window.
--
-- Invariant: used of a window = the ledger rows of its epoch; held of a window = the reservations of pending holds in its epoch.
--
-- Why nobody can overspend: everything that reads or changes a caller's windows first locks that caller's account row, in the
-- order of user ids (so that two batches cannot deadlock), and decides in a later statement, which therefore sees all that
-- committed before the lock was granted. Only the database's clock counts.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.period as (period_start timestamptz, period_end timestamptz);

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.request_rates (
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  scope private.limit_scope not null,
  scope_id text not null,
  next_at timestamptz not null,
  primary key (user_id, scope, scope_id)
) with (fillfactor = 70);

comment on table private.request_rates is 'Request rates per minute by the generic cell rate algorithm (ITU-T I.371): one row a caller and scope.';
comment on column private.request_rates.next_at is 'The theoretical arrival time: when an evenly spaced caller would send its next request.';

create sequence private.usage_window_ids;

create table private.usage_windows (
  id bigint primary key,
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  scope private.limit_scope not null,
  scope_id text not null,
  unit private.limit_unit not null,
  "window" private.limit_window not null check ("window" <> 'minute'),
  epoch integer not null default 1,
  period_start timestamptz not null,
  period_end timestamptz not null check (period_end > period_start),
  used bigint not null default 0 check (used >= 0),
  held bigint not null default 0 check (held >= 0),
  unique (user_id, scope, scope_id, unit, "window")
) with (fillfactor = 70);

comment on table private.usage_windows is
  'Counters of a day or month. Tied to the caller, not to the plan: a change of plan keeps what is used. Rolled when next needed: epoch + 1, used and held 0.';
comment on column private.usage_windows.id is 'From usage_window_ids, drawn when the window is first needed.';
comment on column private.usage_windows.used is 'Settled in this epoch, in the unit of the row: requests, tokens, or nano-USD.';
comment on column private.usage_windows.held is 'Held by pending holds of this epoch, in the unit of the row.';

revoke all on private.request_rates, private.usage_windows from public, anon, authenticated, service_role;
grant select, insert, update on private.request_rates, private.usage_windows to service_role;
revoke all on sequence private.usage_window_ids from public, anon, authenticated, service_role;
grant usage on sequence private.usage_window_ids to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.period_of("window" private.limit_window, anchor_at timestamptz, at timestamptz)
returns private.period
language plpgsql immutable security invoker set search_path = ''
as $$
declare
  anchor timestamp := anchor_at at time zone 'UTC';
  moment timestamp := at at time zone 'UTC';
  months integer;
begin
  if "window" = 'day' then
    return (date_trunc('day', moment) at time zone 'UTC', (date_trunc('day', moment) + interval '1 day') at time zone 'UTC');
  end if;
  months := 12 * (extract(year from moment) - extract(year from anchor)) + extract(month from moment) - extract(month from anchor);
  if anchor + make_interval(months => months) > moment then
    months := months - 1;
  end if;
  return (
    (anchor + make_interval(months => months)) at time zone 'UTC',
    (anchor + make_interval(months => months + 1)) at time zone 'UTC'
  );
end;
$$;

comment on function private.period_of is
  'The day or month that contains a moment. Months are anchor + n months, always from the anchor: chaining would turn 31 January into 28 March.';

revoke all on function private.period_of from public;
grant execute on function private.period_of to service_role;

create function private.lock_accounts(user_ids uuid[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform from private.accounts where user_id = any (user_ids) order by user_id for no key update;
end;
$$;

comment on function private.lock_accounts is 'To be called before, and in a statement of its own, wherever windows or holds of these callers are read to decide.';

revoke all on function private.lock_accounts from public;
grant execute on function private.lock_accounts to service_role;
