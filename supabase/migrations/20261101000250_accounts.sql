-- Accounts: which plan a caller is on, what was agreed with that caller alone, and when the caller's days and months begin.
--
-- Invariants
--   Every profile has exactly one account, and an account always names a plan.
--   Days and months follow each other without gap or overlap, and nothing that a caller does brings the end of one forward.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.calendar as (
  anchor_at timestamptz, paid_from timestamptz, paid_until timestamptz,
  time_zone text, long_day_start timestamptz, long_day_end timestamptz
);

create type private.period as (period_start timestamptz, period_end timestamptz);

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.accounts (
  user_id uuid primary key references public.profiles (user_id) on delete cascade,
  plan_id text not null references private.plans (id),
  base_plan_id text not null references private.plans (id),
  next_plan_id text references private.plans (id),
  next_plan_at timestamptz check ((next_plan_at is null) = (next_plan_id is null)),
  anchor_at timestamptz not null default now(),
  paid_from timestamptz,
  paid_until timestamptz check (paid_until > paid_from and (paid_until is null) = (paid_from is null)),
  time_zone text not null default 'UTC',
  long_day_start timestamptz,
  long_day_end timestamptz check (long_day_end > long_day_start and (long_day_end is null) = (long_day_start is null))
) with (fillfactor = 70);

comment on table private.accounts is
  'One row a caller: the plan, and the row whose lock serialises everything that touches the caller''s limits.';
comment on column private.accounts.plan_id is 'Read it through current_accounts: the next plan may have begun.';
comment on column private.accounts.base_plan_id is 'The plan without a subscription: the default one, or one that was given by hand.';
comment on column private.accounts.next_plan_id is 'A plan of a lower rank that was chosen, or that is left when what was paid for ends: it begins at next_plan_at.';
comment on column private.accounts.anchor_at is 'Month windows begin at this moment plus n months (UTC), where no paid period says otherwise.';
comment on column private.accounts.paid_from is 'The period that is paid for, as the payment service says it: its months take the place of the anchor''s.';
comment on column private.accounts.time_zone is 'Days begin at midnight of this zone.';
comment on column private.accounts.long_day_start is 'The day in which the zone was changed, up to the first midnight of the new zone after its end: no change makes a day shorter.';

create index accounts_plan on private.accounts (plan_id);
create index accounts_base_plan on private.accounts (base_plan_id);
create index accounts_next_plan on private.accounts (next_plan_id) where next_plan_id is not null;

create table private.limit_overrides (
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  scope private.limit_scope not null default 'all' check (scope <> 'api_key'),
  scope_id text not null default '' check ((scope = 'all') = (scope_id = '')),
  unit private.limit_unit not null,
  "window" private.limit_window not null check ((unit = 'concurrent') = ("window" = 'instant')),
  amount bigint check (amount between 0 and 9007199254740991),
  expires_at timestamptz not null,
  primary key (user_id, scope, scope_id, unit, "window"),
  check (amount > 0 or unit <> 'requests' or "window" <> 'minute')
);

comment on table private.limit_overrides is 'Limits of one caller, each in the place of the plan''s or the catalogue''s, until it expires.';
comment on column private.limit_overrides.amount is 'In the unit of the row; null for no limit at all.';
comment on column private.limit_overrides.expires_at is 'Infinity where no end is agreed.';

revoke all on private.accounts, private.limit_overrides from public, anon, authenticated, service_role;
-- The update of some column is what `for no key update` asks for; time_zone is the one that callers change.
grant select, update (time_zone, long_day_start, long_day_end) on private.accounts to service_role;
grant select on private.limit_overrides to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.current_accounts with (security_invoker = true) as
  select
    user_id,
    case when next_plan_at <= now() then next_plan_id else plan_id end as plan_id,
    case when next_plan_at > now() then next_plan_id end as next_plan_id,
    case when next_plan_at > now() then next_plan_at end as next_plan_at,
    (anchor_at, paid_from, paid_until, time_zone, long_day_start, long_day_end)::private.calendar as calendar
  from private.accounts;

comment on view private.current_accounts is 'Accounts with the plan that counts at this moment.';

revoke all on private.current_accounts from public, anon, authenticated, service_role;
grant select on private.current_accounts to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.create_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into private.accounts (user_id, plan_id, base_plan_id, anchor_at)
  select new.user_id, id, id, new.created_at from private.plans where is_default;
  return new;
end;
$$;

comment on function private.create_account is 'Definer, because a profile is made by the sign-up trigger on behalf of nobody.';

revoke all on function private.create_account from public;

create trigger create_account after insert on public.profiles
  for each row execute function private.create_account();

insert into private.accounts (user_id, plan_id, base_plan_id, anchor_at)
select user_id, 'free', 'free', created_at from public.profiles;

create function private.lock_accounts(user_ids uuid[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform from private.accounts where user_id = any (user_ids) order by user_id for no key update;
end;
$$;

comment on function private.lock_accounts is
  'To be called before, and in a statement of its own, wherever windows, holds or credits of these callers are read to decide.';

create function private.month_of(anchor_at timestamptz, at timestamptz) returns private.period
language plpgsql immutable security invoker set search_path = ''
as $$
declare
  anchor timestamp := anchor_at at time zone 'UTC';
  moment timestamp := at at time zone 'UTC';
  months integer := 12 * (extract(year from moment) - extract(year from anchor)) + extract(month from moment) - extract(month from anchor);
begin
  if anchor + make_interval(months => months) > moment then
    months := months - 1;
  end if;
  return (
    (anchor + make_interval(months => months)) at time zone 'UTC',
    (anchor + make_interval(months => months + 1)) at time zone 'UTC'
  );
end;
$$;

comment on function private.month_of is
  'The month that contains a moment: anchor + n months, always from the anchor: chaining would turn 31 January into 28 March.';

create function private.day_of(time_zone text, at timestamptz) returns private.period
language plpgsql stable security invoker set search_path = ''
as $$
declare
  day timestamp := date_trunc('day', at at time zone time_zone);
begin
  -- Where clocks go back from one to midnight, there are two midnights, and the second one counts.
  if day at time zone time_zone > at then
    day := day - interval '1 day';
  end if;
  return (day at time zone time_zone, (day + interval '1 day') at time zone time_zone);
end;
$$;

comment on function private.day_of is 'The day of a zone that contains a moment: 23, 24 or 25 hours in most zones.';

create function private.period_of("window" private.limit_window, calendar private.calendar, at timestamptz) returns private.period
language plpgsql stable security invoker set search_path = ''
as $$
declare
  month private.period;
begin
  case "window"
    when 'instant' then
      return ('-infinity'::timestamptz, 'infinity'::timestamptz);
    when 'minute' then
      return (date_trunc('minute', at), date_trunc('minute', at) + interval '1 minute');
    when 'day' then
      if at >= calendar.long_day_start and at < calendar.long_day_end then
        return (calendar.long_day_start, calendar.long_day_end);
      end if;
      return private.day_of(calendar.time_zone, at);
    when 'month' then
      if calendar.paid_from is null then
        return private.month_of(calendar.anchor_at, at);
      elsif at < calendar.paid_from then
        return private.month_of(calendar.paid_from, at);
      elsif at >= calendar.paid_until then
        -- The renewal has not been heard of yet.
        return private.month_of(calendar.paid_until, at);
      elsif calendar.paid_until <= calendar.paid_from + interval '1 month 3 days' then
        -- From the 28th of February to the 31st of March, as the payment service counts.
        return (calendar.paid_from, calendar.paid_until);
      end if;
      month := private.month_of(calendar.paid_from, at);
      return (month.period_start, least(month.period_end, calendar.paid_until));
  end case;
end;
$$;

comment on function private.period_of is 'The window of a caller''s calendar that contains a moment.';

revoke all on function private.lock_accounts, private.month_of, private.day_of, private.period_of from public;
grant execute on function private.lock_accounts, private.month_of, private.day_of, private.period_of to service_role;
