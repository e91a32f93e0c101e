-- Audit: what administrators did.
--
-- Invariant: a change and its row here are made in one transaction, and no row is changed afterwards.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.audit_log (
  id uuid primary key,
  actor_id uuid not null,
  action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  target text not null,
  change jsonb not null default '{}',
  before jsonb,
  created_at timestamptz not null default now()
);

comment on table private.audit_log is
  'Who changed what. Append-only. No foreign keys: it outlives administrators and what they changed.';
comment on column private.audit_log.id is 'Ordered by time. One request may have several rows: one for each thing that it changed.';
comment on column private.audit_log.actor_id is 'The administrator.';
comment on column private.audit_log.change is 'What was asked for.';
comment on column private.audit_log.before is 'What was there; null for what was not.';

create index audit_log_target on private.audit_log (target, id);

create trigger audit_log_append_only before update or delete or truncate on private.audit_log
  for each statement execute function private.refuse_change();

revoke all on private.audit_log from public, anon, authenticated, service_role;
grant select, insert on private.audit_log to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.time_ordered_id() returns uuid
language sql volatile security invoker set search_path = ''
as $$
  -- A UUIDv7 (RFC 9562): 48 bits of milliseconds, then chance.
  select encode(
    set_byte(overlay(uuid_send(gen_random_uuid()) placing substring(int8send((1000 * extract(epoch from clock_timestamp()))::bigint) from 3) from 1 for 6),
      6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
    'hex'
  )::uuid;
$$;

comment on function private.time_ordered_id is 'A random id whose first bits are the time, as the functions make them.';

create function private.audit(actor_id uuid, action text, target text, change jsonb, before jsonb) returns void
language sql volatile security invoker set search_path = ''
as $$
  insert into private.audit_log (id, actor_id, action, target, change, before)
  values (private.time_ordered_id(), actor_id, action, target, coalesce(change, '{}'), before);
$$;

comment on function private.audit is 'Takes down what an administrator did.';

-- API ----------------------------------------------------------------------------------------------------------------

create function public.list_audit(page_limit integer, page_cursor uuid default null, target text default null) returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(a)
  from private.audit_log a
  where (page_cursor is null or a.id < page_cursor) and (list_audit.target is null or a.target = list_audit.target)
  order by a.id desc
  limit page_limit;
$$;

comment on function public.list_audit is 'What administrators did, the last first, from before page_cursor on; of one thing where it is named.';

revoke all on function private.time_ordered_id, private.audit from public;
grant execute on function private.time_ordered_id, private.audit to service_role;
revoke all on function public.list_audit from public, anon, authenticated;
grant execute on function public.list_audit to service_role;
