-- Reconciliation: every customer compared with Stripe, every night, so that what was lost on the way is found and mended.
--
-- Invariant: nothing depends on it where every event arrives.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.reconciliations (
  id uuid primary key,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  is_complete boolean not null default false,
  customers integer not null default 0,
  drifted integer not null default 0,
  events integer not null default 0,
  failed integer not null default 0
);

comment on table private.reconciliations is 'Runs of the comparison with Stripe.';
comment on column private.reconciliations.ended_at is 'Null while it runs, and for one that was killed.';
comment on column private.reconciliations.is_complete is 'Whether nothing was left for another run.';
comment on column private.reconciliations.customers is 'How many were compared.';
comment on column private.reconciliations.drifted is 'How many of them differed, and were mended.';
comment on column private.reconciliations.events is 'Events that had not been delivered and were done now.';
comment on column private.reconciliations.failed is 'Customers and events that could not be compared or done.';

revoke all on private.reconciliations from public, anon, authenticated, service_role;
grant select, insert, update on private.reconciliations to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.begin_reconciliation(run_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- One at a time: a second one would only do the same. Longer than five minutes none lives.
  perform pg_advisory_xact_lock(hashtext('private.reconciliations'));
  if exists (select from private.reconciliations r where r.ended_at is null and r.started_at > now() - interval '5 minutes') then
    return jsonb_build_object('refusal', 'SL49R');
  end if;
  insert into private.reconciliations (id) values (run_id);
  return jsonb_build_object('started_at', now());
end;
$$;

comment on function public.begin_reconciliation is 'Begins a run, or refuses (an SQLSTATE of ours) while one is under way.';

create function public.list_customers_to_reconcile(before timestamptz, most integer) returns setof text
language sql stable security invoker set search_path = ''
as $$
  select c.id from private.stripe_customers c
  where c.deleted_at is null and c.reconciled_at < before
  order by c.reconciled_at, c.id
  limit most;
$$;

comment on function public.list_customers_to_reconcile is 'Customers that were last compared before a moment, those first that have waited longest.';

create function public.skip_reconciliation(customer_id text) returns boolean
language sql volatile security invoker set search_path = ''
as $$
  update private.stripe_customers c set reconciled_at = now() where c.id = customer_id returning true;
$$;

comment on function public.skip_reconciliation is 'Leaves a customer that could not be compared for the next night, so that the others are not held up.';

create function public.end_reconciliation(run_id uuid, outcome jsonb) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  run private.reconciliations;
begin
  update private.reconciliations r set
    ended_at = now(), is_complete = (outcome ->> 'is_complete')::boolean, customers = (outcome ->> 'customers')::integer,
    drifted = (outcome ->> 'drifted')::integer, events = (outcome ->> 'events')::integer, failed = (outcome ->> 'failed')::integer
  where r.id = run_id and r.ended_at is null
  returning r.* into run;
  insert into private.alerts (kind, event, data)
  select
    -- What fails does so every few minutes, and is told once a day.
    'billing_drift', format('billing drift %s', case when run.drifted + run.events > 0 then run.id::text else (now() at time zone 'UTC')::date::text end),
    jsonb_build_object('run_id', run.id, 'customers', run.customers, 'drifted', run.drifted, 'events', run.events, 'failed', run.failed)
  where run.drifted + run.events + run.failed > 0
  on conflict (event) do nothing;
  return run.id is not null;
end;
$$;

comment on function public.end_reconciliation is 'Ends a run, with an alert where something differed or could not be compared.';

create function public.list_reconciliations(page_limit integer, before timestamptz default null) returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(r)
  from private.reconciliations r
  where list_reconciliations.before is null or r.started_at < list_reconciliations.before
  order by r.started_at desc
  limit page_limit;
$$;

comment on function public.list_reconciliations is 'Runs, the last first, from before a moment on.';

revoke all on function public.begin_reconciliation, public.list_customers_to_reconcile, public.skip_reconciliation,
  public.end_reconciliation, public.list_reconciliations from public, anon, authenticated;
grant execute on function public.begin_reconciliation, public.list_customers_to_reconcile, public.skip_reconciliation,
  public.end_reconciliation, public.list_reconciliations to service_role;
