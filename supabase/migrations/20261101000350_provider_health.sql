-- Provider health: which keys and routes are to be left alone for a while.
--
-- Invariant: what one chat learns counts for all that begin after it.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.key_cooldowns (
  key_id text primary key check (char_length(key_id) <= 500),
  user_id uuid references private.accounts (user_id) on delete cascade,
  provider text not null,
  reason text not null check (reason in ('credential', 'quota', 'rate_limited')),
  until timestamptz not null,
  updated_at timestamptz not null default now()
);

comment on table private.key_cooldowns is
  'Keys that no function uses for a while, because the provider said so. To use one again at once, delete its row.';
comment on column private.key_cooldowns.key_id is 'key:<id> of provider_keys, byok:<id> of byok_keys, or env:<provider>:<fingerprint> of a key of the environment; with /<upstream model> behind it where it is out for that model alone.';
comment on column private.key_cooldowns.user_id is 'Whose own key it is; null for the platform''s.';
comment on column private.key_cooldowns.until is 'Infinity for a key that the provider does not accept: it stays out until somebody acts.';

create index key_cooldowns_user on private.key_cooldowns (user_id, provider);
create index key_cooldowns_key on private.key_cooldowns (split_part(key_id, '/', 1));

create table private.route_outages (
  route_id bigint primary key references private.model_routes (id) on delete cascade,
  failures integer not null check (failures > 0),
  until timestamptz,
  updated_at timestamptz not null default now()
);

comment on table private.route_outages is 'Routes whose last calls failed. The row goes with the first call that succeeds.';
comment on column private.route_outages.failures is 'In a row.';
comment on column private.route_outages.until is 'Chats ask it last before; then one chat probes it. Null while it has not failed often enough.';

revoke all on private.key_cooldowns, private.route_outages
  from public, anon, authenticated, service_role;
grant select, insert, update, delete on private.key_cooldowns, private.route_outages to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.probe_routes(routes json, preferred_provider text) returns bigint[]
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  claimed bigint[];
begin
  -- Only what the request would call before a route that is well: another claim would be wasted.
  with route as (
    select r.id, r.rank, r.provider, o.until
    from json_to_recordset(routes) as r (id bigint, rank numeric, provider text)
    left join private.route_outages o on o.route_id = r.id
  ),
  due as (
    select o.route_id
    from private.route_outages o
    join route on route.id = o.route_id
    where o.until <= now() and not exists (
      select from route well
      where well.until is null
        and (well.provider is distinct from preferred_provider, well.rank) < (route.provider is distinct from preferred_provider, route.rank)
    )
    for update of o skip locked
  ),
  probed as (
    -- Longer than a silent provider is waited for by default, so that a second chat does not run into it as well.
    update private.route_outages o set until = now() + interval '30 seconds' from due where o.route_id = due.route_id
    returning o.route_id
  )
  select coalesce(array_agg(route_id), '{}') into claimed from probed;
  return claimed;
end;
$$;

comment on function private.probe_routes is
  'Of the routes of a request those whose outage is due to be probed and that it would call first: whoever calls is the one who may try them.';

create function public.reopen_route(route_id bigint) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  update private.route_outages o set until = null, updated_at = now() where o.route_id = reopen_route.route_id;
  return found;
end;
$$;

comment on function public.reopen_route is
  'A route that was out has begun to answer: others may try it, too. That it works is known when the answer is complete (report_health); until then its failures are remembered.';

create function private.forget_cooldowns(credential_id text) returns void
language sql volatile security invoker set search_path = ''
as $$
  delete from private.key_cooldowns c where split_part(c.key_id, '/', 1) = credential_id;
$$;

comment on function private.forget_cooldowns is 'A provider key may be used again at once, for every model.';

create function private.describe_cooldowns(credential_id text) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'upstream_model', nullif(substr(c.key_id, length(credential_id) + 2), ''), 'reason', c.reason, 'until', nullif(c.until, 'infinity')
  ) order by c.key_id), '[]')
  from private.key_cooldowns c
  where split_part(c.key_id, '/', 1) = credential_id and c.until > now();
$$;

comment on function private.describe_cooldowns is
  'What a provider key is left alone for at this moment: for all models where upstream_model is null, until somebody acts where until is.';

create function private.report_health(items jsonb) returns void
language plpgsql volatile strict security invoker set search_path = ''
as $$
declare
  reached bigint[] := array(
    select (r.value)::bigint from jsonb_array_elements(items) item cross join lateral jsonb_array_elements_text(item -> 'reached_routes') r
  );
  failed bigint[] := array(
    select (r.value)::bigint from jsonb_array_elements(items) item cross join lateral jsonb_array_elements_text(item -> 'failed_routes') r
  );
begin
  -- In the order of their keys, and what is there is locked before anything is changed, so that two batches cannot deadlock.
  perform from private.route_outages where route_id = any (reached || failed) order by route_id for update;
  -- A caller's own key that the provider does not accept waits for its owner.
  perform from private.byok_keys k
  where k.id = any (array(
    select private.own_key_of(r.key_id)
    from jsonb_array_elements(items) item cross join lateral jsonb_to_recordset(item -> 'key_reports') as r (key_id text, reason text)
    where r.reason = 'credential'
  ))
  order by k.id for no key update;
  update private.byok_keys k set status = 'invalid', checked_at = now()
  from jsonb_array_elements(items) item
  cross join lateral jsonb_to_recordset(item -> 'key_reports') as r (key_id text, reason text)
  where r.reason = 'credential' and k.id = private.own_key_of(r.key_id);

  insert into private.key_cooldowns as c (key_id, user_id, provider, reason, until)
  select distinct on (r.key_id)
    r.key_id, own.user_id, r.provider, r.reason,
    case r.reason
      when 'credential' then 'infinity'
      when 'quota' then now() + interval '10 minutes'
      else now() + least(coalesce(r.wait_ms, 5000), 3600000) * interval '1 millisecond'
    end
  from jsonb_array_elements(items) item
  cross join lateral jsonb_to_recordset(item -> 'key_reports') as r (key_id text, provider text, reason text, wait_ms bigint)
  left join private.byok_keys own on own.id = private.own_key_of(r.key_id)
  -- Of an own key that is gone or replaced there is nothing to remember.
  where r.key_id not like 'byok:%' or (own.id is not null and r.reason <> 'credential')
  order by r.key_id, 5 desc
  on conflict (key_id) do update set reason = excluded.reason, until = excluded.until, updated_at = now()
  where c.until < excluded.until;

  delete from private.route_outages where route_id = any (reached);

  insert into private.route_outages as o (route_id, failures)
  select route_id, count(*)
  from unnest(failed) route_id
  where route_id <> all (reached) and exists (select from private.model_routes m where m.id = route_id)
  group by 1
  order by 1
  on conflict (route_id) do update set
    failures = o.failures + excluded.failures,
    until = case when o.failures + excluded.failures >= 3
      then now() + least(interval '20 seconds', interval '5 seconds' * 2 ^ least(o.failures + excluded.failures - 3, 10)) end,
    updated_at = now();
end;
$$;

comment on function private.report_health is
  'Takes down what chats learned of keys and routes. A route is asked last from its third failure in a row, for 5 s and twice as long each time, at most 20 s, so that it is back soon after it has recovered.';

revoke all on function private.probe_routes, private.forget_cooldowns, private.describe_cooldowns, private.report_health from public;
grant execute on function private.probe_routes, private.forget_cooldowns, private.describe_cooldowns, private.report_health to service_role;
revoke all on function public.reopen_route from public, anon, authenticated;
grant execute on function public.reopen_route to service_role;
