-- Schedules: what is tidied up at set times.
--
-- Invariant: no amount is wrong where none of it ever runs; what is old then stays, and nobody is told. What has expired is released by the next request, a window whose period is
-- over counts as rolled, and the partition of a month is made when something is first held in it.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.retention (
  what text primary key check (what in ('ledger', 'holds', 'alerts', 'syncs', 'api_keys', 'stripe_events', 'reconciliations', 'job_runs')),
  period interval not null check (period >= interval '1 day'),
  -- The counters of a month are checked against its holds.
  check (what not in ('holds', 'ledger') or period >= interval '70 days'),
  -- Stripe's own events are looked through for 30 days.
  check (what <> 'stripe_events' or period >= interval '30 days')
);

comment on table private.retention is
  'How long what is kept. Of the ledger, whole months leave the table and stay as tables of their own; without a row all of it is kept.';

insert into private.retention (what, period) values
  ('ledger', '25 months'),
  ('holds', '70 days'),
  ('alerts', '90 days'),
  ('syncs', '90 days'),
  ('api_keys', '90 days'),
  ('stripe_events', '60 days'),
  ('reconciliations', '90 days'),
  ('job_runs', '7 days');

revoke all on private.retention from public, anon, authenticated, service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.purge(most integer) returns json
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  holds integer;
  keys integer;
  alerts integer;
  syncs integer;
  api_keys integer;
  events integer;
  cooldowns integer;
  runs integer := 0;
begin
  delete from private.holds where id = any (array(
    select h.id
    from private.holds h
    join private.retention r on r.what = 'holds'
    where h.created_at < now() - r.period and h.state <> 'pending'
    limit most
  ));
  get diagnostics holds = row_count;
  delete from private.idempotency_keys where (user_id, key) in (
    select k.user_id, k.key from private.idempotency_keys k where k.created_at < now() - interval '1 day' limit most
  );
  get diagnostics keys = row_count;
  delete from private.alerts a using private.retention r where r.what = 'alerts' and a.created_at < now() - r.period;
  get diagnostics alerts = row_count;
  delete from private.model_sync_log l using private.retention r where r.what = 'syncs' and l.started_at < now() - r.period;
  get diagnostics syncs = row_count;
  -- Those that let nobody in any more.
  delete from private.api_keys k using private.retention r
  where r.what = 'api_keys' and least(k.revoked_at, k.expires_at) < now() - r.period;
  get diagnostics api_keys = row_count;
  delete from private.stripe_events where (endpoint, id) in (
    select e.endpoint, e.id from private.stripe_events e join private.retention r on r.what = 'stripe_events'
    where e.received_at < now() - r.period limit most
  );
  get diagnostics events = row_count;
  delete from private.reconciliations c using private.retention r where r.what = 'reconciliations' and c.started_at < now() - r.period;
  delete from private.billing_leases l where l.expires_at <= now();
  delete from private.key_cooldowns c where c.until <= now();
  get diagnostics cooldowns = row_count;
  perform private.purge_catalogue_changes();
  -- pg_cron never does it.
  if to_regclass('cron.job_run_details') is not null then
    delete from cron.job_run_details d using private.retention r where r.what = 'job_runs' and d.end_time < now() - r.period;
    get diagnostics runs = row_count;
  end if;
  return json_build_object('holds', holds, 'idempotency_keys', keys, 'alerts', alerts, 'syncs', syncs, 'api_keys', api_keys, 'stripe_events', events, 'key_cooldowns', cooldowns, 'job_runs', runs);
end;
$$;

comment on function private.purge is 'Deletes what is older than it is to be kept, so many rows of each kind at a time. Returns how many.';

create function private.keep_ledger_partitions() returns text[]
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- Two months ahead, so that no request has to make one.
  perform private.create_ledger_partition(now() + months * interval '1 month') from generate_series(0, 2) months;
  begin
    return (select private.detach_ledger_partitions(now() - r.period) from private.retention r where r.what = 'ledger');
  exception when lock_not_available then
    -- Somebody reads the ledger for long. Tomorrow is as good.
    return '{}';
  end;
end;
$$;

comment on function private.keep_ledger_partitions is 'Makes the partitions of the months to come and detaches those that have been kept long enough. Returns the latter.';

create function private.call_function(path text, timeout_ms integer) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  url text;
  secret text;
begin
  if to_regclass('vault.decrypted_secrets') is null then
    return null;
  end if;
  select s.decrypted_secret into url from vault.decrypted_secrets s where s.name = 'sluice_functions_url';
  select s.decrypted_secret into secret from vault.decrypted_secrets s where s.name = 'sluice_job_secret';
  if url is null or secret is null then
    return null;
  end if;
  return net.http_post(
    url => url || path, body => '{}'::jsonb,
    headers => jsonb_build_object('content-type', 'application/json', 'authorization', 'Bearer ' || secret),
    timeout_milliseconds => timeout_ms
  );
end;
$$;

comment on function private.call_function is
  'Has a function called as jobs do, where Vault has its address and the secret of jobs. Returns the id of the HTTP request, null where there is none.';

create function private.request_sync() returns bigint
language sql volatile security invoker set search_path = ''
as $$
  select private.call_function('/sync-models', 30000)
  where not exists (
    select from private.model_sync_log l where l.source = 'openrouter' and l.status = 'succeeded' and l.started_at > now() - interval '1 hour'
  );
$$;

comment on function private.request_sync is 'Has the catalogue synced, unless it was within the hour. Returns what call_function does.';

create function private.request_delivery() returns bigint
language sql volatile security invoker set search_path = ''
as $$
  select private.call_function('/account/alerts/deliver', 60000) where exists (select from private.alerts where next_try_at <= now());
$$;

comment on function private.request_delivery is 'Has the function account tell the alerts that are due, where there are any. Returns what call_function does.';

create function private.request_reconciliation() returns bigint
language sql volatile security invoker set search_path = ''
as $$
  select private.call_function('/billing/reconcile', 120000)
  -- Where nothing is sold nobody is asked.
  where exists (select from private.billing_prices)
    and not exists (select from private.reconciliations r where r.is_complete and r.started_at > now() - interval '20 hours');
$$;

comment on function private.request_reconciliation is
  'Has the function billing compare customers with Stripe, until a run of the last 20 hours came to the end. Returns what call_function does.';

revoke all on function private.purge, private.keep_ledger_partitions, private.call_function, private.request_sync, private.request_delivery,
  private.request_reconciliation from public;

select private.keep_ledger_partitions();

-- Jobs --------------------------------------------------------------------------------------------------------------

do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron with schema pg_catalog;
  end if;
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_net') then
    create extension if not exists pg_net with schema extensions;
  end if;
end;
$$;

-- Times are UTC. The commands name what they do, so that a job's run says it.
select cron.schedule(name, schedule, command)
from (values
  ('sluice-sweep-holds', '* * * * *', 'select private.sweep_holds(1000)'),
  ('sluice-deliver-alerts', '* * * * *', 'select private.request_delivery()'),
  ('sluice-check-ledger', '*/10 * * * *', $$select private.check_ledger(now() - interval '20 minutes'), private.check_spending()$$),
  ('sluice-check-whole-ledger', '40 3 * * *', $$select private.check_ledger('-infinity')$$),
  -- So few at a time that nobody waits for it.
  ('sluice-roll-windows', '* * * * *', 'select private.roll_windows(2000), private.expire_credits(1000)'),
  ('sluice-roll-slots', '5 * * * *', 'select private.roll_slots()'),
  ('sluice-ledger-partitions', '20 2 * * *', 'select private.keep_ledger_partitions()'),
  -- At two, and once more where that came to nothing.
  ('sluice-sync-models', '0,30 2 * * *', 'select private.request_sync()'),
  -- As often as it takes: one run compares as many as it can in its time.
  ('sluice-reconcile-billing', '*/5 3-5 * * *', 'select private.request_reconciliation()'),
  ('sluice-lost-syncs', '*/10 * * * *', 'select private.fail_lost_syncs()'),
  ('sluice-rate-models', '25 * * * *', 'select private.rate_models()'),
  ('sluice-purge', '50 * * * *', 'select private.purge(200000)')
) as job (name, schedule, command);
