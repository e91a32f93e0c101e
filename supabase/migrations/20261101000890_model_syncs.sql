-- Model syncs: runs that read what providers list and have the catalogue follow, and what became of each.
--
-- Invariants
--   One run at a time. A run that ended, or that was given up, changes nothing any more.
--   Whatever happens to the function that runs it, its row here tells.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.sync_status as enum ('running', 'succeeded', 'failed');

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.model_sync_log (
  run_id uuid not null,
  source text not null check (source ~ '^[a-z][a-z0-9-]{0,39}$'),
  status private.sync_status not null default 'running',
  started_at timestamptz not null default now(),
  finished_at timestamptz check ((finished_at is null) = (status = 'running')),
  duration_ms bigint generated always as (1000 * extract(epoch from finished_at - started_at)) stored,
  error text check ((error is not null) = (status = 'failed')),
  listed integer not null default 0,
  added integer not null default 0,
  updated integer not null default 0,
  inactivated integer not null default 0,
  returned integer not null default 0,
  routes_added integer not null default 0,
  held_prices integer not null default 0,
  quarantined integer not null default 0,
  changes private.feed_changes,
  quarantine jsonb not null default '[]' check (jsonb_typeof(quarantine) = 'array'),
  primary key (run_id, source)
);

comment on table private.model_sync_log is 'One row for each source of a run. Kept for 90 days.';
comment on column private.model_sync_log.listed is 'Models in the list, valid or not.';
comment on column private.model_sync_log.error is 'What went wrong, in our words.';
comment on column private.model_sync_log.changes is 'Which models and routes; null unless it succeeded.';
comment on column private.model_sync_log.quarantine is 'Models of the list that were left out, with the reason; no more than a hundred.';

create unique index model_sync_log_one_running on private.model_sync_log (source) where status = 'running';
create index model_sync_log_started on private.model_sync_log (started_at desc);
create index model_sync_log_succeeded on private.model_sync_log (source, started_at desc) where status = 'succeeded';

revoke all on private.model_sync_log from public, anon, authenticated, service_role;
grant select, insert, update on private.model_sync_log to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.fail_sync(run_id uuid, source text, error text) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  update private.model_sync_log l set status = 'failed', finished_at = now(), error = fail_sync.error
  where l.run_id = fail_sync.run_id and l.source = fail_sync.source and l.status = 'running';
  if found then
    insert into private.alerts (kind, event, data)
    values ('sync_failed', format('sync %s %s', run_id, source), jsonb_build_object('run_id', run_id, 'source', source, 'error', error))
    on conflict (event) do nothing;
  end if;
end;
$$;

comment on function private.fail_sync is 'Ends a sync that is running, with an alert. One that has ended stays as it is.';

create function private.fail_lost_syncs() returns void
language sql volatile security invoker set search_path = ''
as $$
  -- A function lives for 400 s at most.
  select private.fail_sync(l.run_id, l.source, 'The function that ran it ended before it was over.')
  from private.model_sync_log l
  where l.status = 'running' and l.started_at < now() - interval '10 minutes';
$$;

comment on function private.fail_lost_syncs is 'Ends syncs whose function must have died.';

create function private.describe_sync(sync private.model_sync_log) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'id', sync.run_id, 'source', sync.source, 'status', sync.status, 'started_at', sync.started_at, 'finished_at', sync.finished_at,
    'duration_ms', sync.duration_ms, 'error', sync.error, 'listed', sync.listed, 'added', sync.added, 'updated', sync.updated,
    'inactivated', sync.inactivated, 'returned', sync.returned, 'routes_added', sync.routes_added, 'held_prices', sync.held_prices,
    'quarantined', sync.quarantined, 'changes', sync.changes, 'quarantine', sync.quarantine
  );
$$;

comment on function private.describe_sync is 'A row of the log, as the API tells it.';

-- API ---------------------------------------------------------------------------------------------------------------

create function public.begin_model_sync(run_id uuid, sources text[], actor_id uuid default null) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  running private.model_sync_log;
begin
  perform pg_advisory_xact_lock(hashtext('private.model_sync_log'));
  perform private.fail_lost_syncs();
  select l.* into running from private.model_sync_log l where l.status = 'running' order by l.started_at limit 1;
  if not found then
    insert into private.model_sync_log (run_id, source) select run_id, source from unnest(sources) source;
    if actor_id is not null then
      perform private.audit(actor_id, 'sync.start', run_id::text, jsonb_build_object('sources', sources), null);
    end if;
    return json_build_object('id', run_id, 'started_at', now());
  end if;
  return json_build_object('id', running.run_id, 'started_at', running.started_at, 'refusal', 'SL40S');
end;
$$;

comment on function public.begin_model_sync is
  'Begins a run over some sources, for an administrator or a job (null); where one is running, answers with that one and a refusal (an SQLSTATE of ours).';

create function public.apply_model_feed(run_id uuid, source text, feed jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '3s'
as $$
#variable_conflict use_variable
declare
  sync private.model_sync_log;
  seen_at timestamptz;
  changes private.feed_changes;
begin
  select l.* into sync from private.model_sync_log l where l.run_id = run_id and l.source = source for update;
  if sync.status is distinct from 'running' then
    raise exception 'The run % of % has ended.', run_id, source using errcode = 'SL40S';
  end if;
  select l.started_at into seen_at from private.model_sync_log l
  where l.source = source and l.status = 'succeeded' order by l.started_at desc limit 1;
  changes := private.apply_feed(run_id, source, feed, coalesce(seen_at, sync.started_at));
  if changes.refusal is not null then
    perform private.fail_sync(run_id, source, changes.refusal);
  end if;
  update private.model_sync_log l set
    status = 'succeeded', finished_at = clock_timestamp(), listed = (feed -> 'listed')::integer,
    added = cardinality(changes.added), updated = cardinality(changes.updated), inactivated = cardinality(changes.inactivated),
    returned = cardinality(changes.returned), routes_added = jsonb_array_length(changes.routes_added),
    held_prices = jsonb_array_length(changes.held_prices), quarantined = jsonb_array_length(feed -> 'quarantined'), changes = changes,
    quarantine = jsonb_path_query_array(feed, '$.quarantined[0 to 99]')
  where l.run_id = run_id and l.source = source and l.status = 'running';
  return (select private.describe_sync(l) from private.model_sync_log l where l.run_id = run_id and l.source = source);
end;
$$;

comment on function public.apply_model_feed is
  'Applies what a source lists, and ends its part of the run, as failed where the list is refused. Answers with the row of the log.';

create function public.fail_model_sync(run_id uuid, source text, error text) returns void
language sql volatile security invoker set search_path = ''
as $$
  select private.fail_sync(run_id, source, error);
$$;

comment on function public.fail_model_sync is 'Ends a source''s part of a run that came to nothing.';

create function public.preview_model_feed(source text, feed jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '3s'
as $$
declare
  changes private.feed_changes;
begin
  begin
    changes := private.apply_feed(gen_random_uuid(), source, feed, now());
    raise exception 'undone' using errcode = 'SL000';
  exception when sqlstate 'SL000' then
    -- What was done is undone, what it did is known.
  end;
  return json_build_object(
    'listed', feed -> 'listed', 'changes', changes, 'quarantine', jsonb_path_query_array(feed, '$.quarantined[0 to 99]')
  );
end;
$$;

comment on function public.preview_model_feed is 'What a feed would change, without changing it.';

revoke all on function private.fail_sync, private.fail_lost_syncs, private.describe_sync from public;
grant execute on function private.fail_sync, private.fail_lost_syncs, private.describe_sync to service_role;
revoke all on function public.begin_model_sync, public.apply_model_feed, public.fail_model_sync, public.preview_model_feed
  from public, anon, authenticated;
grant execute on function public.begin_model_sync, public.apply_model_feed, public.fail_model_sync, public.preview_model_feed to service_role;
