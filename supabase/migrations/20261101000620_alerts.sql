-- Alerts: what an operator should know of limits, spending, the ledger, the catalogue and payments, each written once and told to a webhook until it is heard.
--
-- Invariant: one event has one row, whoever notices it how often.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.alert_kind as enum (
  'limit_threshold', 'spend_spike', 'ledger_drift', 'price_held', 'sync_failed', 'default_gone', 'unknown_price', 'several_subscriptions',
  'payment_disputed', 'credits_owed', 'billing_drift'
);

comment on type private.alert_kind is
  'limit_threshold: so many percent of a limit are used; spend_spike: an hour cost far more than is usual; ledger_drift: a counter differs from the ledger, or holds are not released; price_held: a price moved so far that it waits for a second word; sync_failed: the catalogue could not be synced; default_gone: nobody serves a plan''s default model any more; unknown_price: a subscription''s price names no plan; several_subscriptions: a caller pays for more than one; payment_disputed: a payment is disputed; credits_owed: credits whose payment was taken back had been used; billing_drift: the nightly comparison with Stripe found differences, and mended them.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.alert_thresholds (
  percent smallint primary key check (percent between 1 and 100)
);

comment on table private.alert_thresholds is 'At which shares of a limit of a day or month, of a caller or of the project, an alert is written.';

insert into private.alert_thresholds (percent) values (50), (80), (100);

create table private.spend_rules (
  is_project boolean primary key,
  factor numeric not null check (factor > 1),
  floor_nano bigint not null check (floor_nano > 0)
);

comment on table private.spend_rules is 'When an hour''s spending is unusual: for a caller, and for the project.';
comment on column private.spend_rules.factor is 'So many times the average hour of the seven days before.';
comment on column private.spend_rules.floor_nano is 'And so much at least, in nano-USD.';

insert into private.spend_rules (is_project, factor, floor_nano) values
  (false, 10, 1000000000),       -- 1 USD
  (true, 5, 20000000000);        -- 20 USD

create table private.alerts (
  id uuid primary key default gen_random_uuid(),
  kind private.alert_kind not null,
  event text not null unique,
  data jsonb not null,
  created_at timestamptz not null default now(),
  next_try_at timestamptz default now(),
  tries smallint not null default 0,
  delivered_at timestamptz,
  check (delivered_at is null or next_try_at is null)
);

comment on table private.alerts is 'Kept for 90 days.';
comment on column private.alerts.event is 'Names what happened, so that it is written once.';
comment on column private.alerts.next_try_at is 'When it is to be told next; null for one that was heard, or that was told in vain twenty times.';

create index alerts_due on private.alerts (next_try_at) where next_try_at is not null;
create index alerts_created on private.alerts (created_at);

revoke all on private.alert_thresholds, private.spend_rules, private.alerts from public, anon, authenticated, service_role;
grant select on private.alert_thresholds to service_role;
grant select, insert, update (next_try_at, tries, delivered_at) on private.alerts to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.check_spending() returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  written integer;
begin
  with hour as (
    select l.user_id, sum(l.cost_nano) as nano
    from private.ledger l
    where l.held_at > now() - interval '1 hour'
    group by rollup (l.user_id)
    having sum(l.cost_nano) > 0
  ),
  judged as (
    select h.user_id, h.nano, usual.nano as usual_nano
    from hour h
    join private.spend_rules rule on rule.is_project = (h.user_id is null) and h.nano >= rule.floor_nano
    cross join lateral (
      select round(coalesce(sum(l.cost_nano), 0) / 168) as nano
      from private.ledger l
      where l.held_at > now() - interval '169 hours' and l.held_at <= now() - interval '1 hour'
        and (l.user_id = h.user_id or h.user_id is null)
    ) usual
    where h.nano >= rule.factor * usual.nano
  )
  insert into private.alerts (kind, event, data)
  select
    'spend_spike', format('spend %s %s', coalesce(j.user_id::text, 'project'), to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24')),
    jsonb_build_object('user_id', j.user_id, 'spent_nano', j.nano, 'usual_nano', j.usual_nano)
  from judged j
  on conflict (event) do nothing;
  get diagnostics written = row_count;
  return written;
end;
$$;

comment on function private.check_spending is
  'Writes an alert for each caller, and for the project, whose last 60 minutes cost far more than an average hour of the seven days before: once an hour. Returns how many.';

create function public.claim_alerts(most integer) returns setof json
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return query
  with due as (
    select a.id from private.alerts a where a.next_try_at <= now() order by a.next_try_at limit most for no key update skip locked
  ),
  leased as (
    -- Long enough to tell all of them; whoever dies meanwhile has them told again.
    update private.alerts a set tries = a.tries + 1, next_try_at = now() + interval '2 minutes' from due where a.id = due.id
    returning a.*
  )
  select json_build_object('id', l.id, 'kind', l.kind, 'data', l.data, 'created_at', l.created_at, 'tries', l.tries)
  from leased l
  order by l.created_at;
end;
$$;

comment on function public.claim_alerts is 'Alerts that are to be told now, for two minutes to nobody else.';

create function public.report_alerts(delivered uuid[], failed uuid[]) returns json
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  heard integer;
  unheard integer;
begin
  update private.alerts a set delivered_at = now(), next_try_at = null where a.id = any (delivered) and a.delivered_at is null;
  get diagnostics heard = row_count;
  update private.alerts a set next_try_at = case
    when a.tries < 20
      then now() + least(interval '1 minute' * 2 ^ least(a.tries - 1, 10), interval '6 hours')
  end
  where a.id = any (failed) and a.delivered_at is null;
  get diagnostics unheard = row_count;
  return json_build_object('delivered', heard, 'failed', unheard);
end;
$$;

comment on function public.report_alerts is
  'What became of alerts that were claimed: those that were not heard are told again after a minute, and twice as long each time, at most 6 hours, twenty times: for three days.';

revoke all on function private.check_spending from public;
revoke all on function public.claim_alerts, public.report_alerts from public, anon, authenticated;
grant execute on function public.claim_alerts, public.report_alerts to service_role;
