-- Saved keys: how callers save and list provider keys of their own.
--
-- Invariants
--   What is told of a key is never the key, sealed or not, but to the function that tries it.
--   Of the keys that a caller has of a provider exactly one is preferred.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.key_checks (
  user_id uuid primary key references private.accounts (user_id) on delete cascade,
  started_at timestamptz not null,
  checks integer not null
);

comment on table private.key_checks is
  'How many keys a caller had tried within the hour that began then. Otherwise we would try stolen keys for whoever has many.';

revoke all on private.key_checks from public, anon, authenticated, service_role;
grant select, insert, update on private.key_checks to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.describe_byok_key(key private.byok_keys) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(key) - 'user_id' - 'sealed_key' || jsonb_build_object('cooldowns', private.describe_cooldowns('byok:' || key.id));
$$;

comment on function private.describe_byok_key is 'A key as its owner is told of it.';

create function private.settle_preferred(user_id uuid, provider text) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  update private.byok_keys k set is_preferred = true
  where k.id = (
    select oldest.id from private.byok_keys oldest
    where oldest.user_id = user_id and oldest.provider = provider
    order by oldest.is_preferred desc, oldest.created_at, oldest.id
    limit 1
  ) and not k.is_preferred;
end;
$$;

comment on function private.settle_preferred is 'Where none of a caller''s keys of a provider is preferred, the oldest is.';

revoke all on function private.describe_byok_key, private.settle_preferred from public;
grant execute on function private.describe_byok_key, private.settle_preferred to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.list_byok_keys(user_id uuid, deployment private.byok_permission default null) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'permission', said.permission,
    'are_used', said.permission = 'required' or (said.permission = 'allowed' and coalesce(chosen.prefer_own_keys, false)),
    'may_fall_back', private.may_fall_back(a.user_id, p.byok, deployment, chosen.allow_platform_keys),
    'keys', coalesce((
      select json_agg(private.describe_byok_key(k) order by k.provider, k.is_preferred desc, k.name)
      from private.byok_keys k where k.user_id = a.user_id
    ), '[]')
  )
  from private.current_accounts a
  join private.plans p on p.id = a.plan_id
  left join private.preferences chosen on chosen.user_id = a.user_id
  cross join lateral (select coalesce(deployment, p.byok)) said (permission)
  where a.user_id = list_byok_keys.user_id;
$$;

comment on function public.list_byok_keys is
  'A caller''s own keys, what the plan, or deployment in its place, says of them, whether they are used, and whether the platform''s take over where they fail. Null where there is no such caller.';

create function public.find_sealed_key(user_id uuid, provider text, name text default null) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object('id', k.id, 'name', k.name, 'sealed_key', k.sealed_key, 'base_url', k.base_url)
  from private.byok_keys k
  where k.user_id = find_sealed_key.user_id and k.provider = find_sealed_key.provider
    and case when find_sealed_key.name is null then k.is_preferred else k.name = find_sealed_key.name end;
$$;

comment on function public.find_sealed_key is 'A caller''s key of a provider by its name, the preferred one without, sealed. Null where there is none.';

create function public.begin_key_checks(user_id uuid, checks integer, deployment private.byok_permission default null) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  most constant integer := 30;
  begun private.key_checks;
begin
  if not exists (select from private.accounts a where a.user_id = user_id) then
    return json_build_object('refusal', 'SL401');
  elsif exists (
    select from private.current_accounts a join private.plans p on p.id = a.plan_id
    where a.user_id = user_id and coalesce(deployment, p.byok) = 'forbidden'
  ) then
    return json_build_object('refusal', 'SL43B');
  end if;
  insert into private.key_checks as c (user_id, started_at, checks) values (user_id, now(), 0) on conflict do nothing;
  update private.key_checks c set
    started_at = case when c.started_at > now() - interval '1 hour' then c.started_at else now() end,
    checks = case when c.started_at > now() - interval '1 hour' then c.checks else 0 end + checks
  where c.user_id = user_id and case when c.started_at > now() - interval '1 hour' then c.checks else 0 end + checks <= most
  returning c.* into begun;
  if begun.user_id is not null then
    return json_build_object();
  end if;
  select c.* into begun from private.key_checks c where c.user_id = user_id;
  return json_build_object('refusal', 'SL429', 'retry_after_ms', ceil(1000 * greatest(extract(epoch from begun.started_at + interval '1 hour' - now()), 1)));
end;
$$;

comment on function public.begin_key_checks is
  'Before keys are tried with their providers: whether the plan, or deployment in its place, allows a caller keys of their own, and so many tries: thirty within an hour. Answers with a refusal (an SQLSTATE of ours), or without.';

create function public.save_byok_key(user_id uuid, key jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  most constant integer := 50;
  given private.byok_keys := jsonb_populate_record(null::private.byok_keys, key);
  old private.byok_keys;
  namesake text;
  saved private.byok_keys;
begin
  perform private.lock_accounts(array[user_id]);
  if not exists (select from private.accounts a where a.user_id = user_id) then
    return json_build_object('refusal', 'SL401');
  end if;
  select k.name into namesake
  from private.byok_keys k
  where k.user_id = user_id and k.provider = given.provider and k.fingerprint = given.fingerprint and k.base_url is not distinct from given.base_url
    and k.name <> given.name;
  if namesake is not null then
    return json_build_object('refusal', 'SL49D', 'name', namesake);
  end if;
  delete from private.byok_keys k where k.user_id = user_id and k.provider = given.provider and k.name = given.name returning k.* into old;
  perform private.forget_cooldowns('byok:' || old.id) where old.id is not null;
  if (select count(*) from private.byok_keys k where k.user_id = user_id) >= most then
    -- Nothing is deleted then: under this name there was none.
    return json_build_object('refusal', 'SL49M');
  end if;
  if given.is_preferred then
    update private.byok_keys k set is_preferred = false where k.user_id = user_id and k.provider = given.provider and k.is_preferred;
  end if;
  insert into private.byok_keys (id, user_id, provider, name, base_url, sealed_key, last_four, fingerprint, status, is_preferred, created_at)
  values (
    given.id, user_id, given.provider, given.name, given.base_url, given.sealed_key, given.last_four, given.fingerprint, given.status,
    coalesce(given.is_preferred, old.is_preferred, false), coalesce(old.created_at, now())
  );
  perform private.settle_preferred(user_id, given.provider);
  select k.* into saved from private.byok_keys k where k.id = given.id;
  return json_build_object('key', private.describe_byok_key(saved), 'is_new', old.id is null);
end;
$$;

comment on function public.save_byok_key is
  'Saves a sealed key under its name, in the place of the one that was there. Refused (an SQLSTATE of ours) where the caller has the same key under another name, or fifty already.';

create function public.change_byok_key(user_id uuid, provider text, name text, change jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  chosen private.byok_keys;
begin
  perform private.lock_accounts(array[user_id]);
  select k.* into chosen
  from private.byok_keys k
  where k.user_id = user_id and k.provider = provider and case when name is null then k.is_preferred else k.name = name end;
  -- What was heard about a key says nothing about the one that has taken its place.
  if not found or chosen.id <> coalesce((change ->> 'id')::uuid, chosen.id) then
    return null;
  end if;
  if (change ->> 'is_preferred')::boolean then
    update private.byok_keys k set is_preferred = false where k.user_id = user_id and k.provider = provider and k.id <> chosen.id and k.is_preferred;
    update private.byok_keys k set is_preferred = true where k.id = chosen.id returning k.* into chosen;
  end if;
  if change ? 'status' then
    update private.byok_keys k set status = (change ->> 'status')::private.byok_status, checked_at = now() where k.id = chosen.id
    returning k.* into chosen;
    if chosen.status = 'valid' then
      perform private.forget_cooldowns('byok:' || chosen.id);
    end if;
  end if;
  return private.describe_byok_key(chosen);
end;
$$;

comment on function public.change_byok_key is
  'Prefers a caller''s key to the others of its provider, or takes down what the provider said of it (status, of the key with this id). Null where there is no such key.';

create function public.delete_byok_keys(user_id uuid, provider text, name text default null) returns integer
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  deleted uuid[];
begin
  perform private.lock_accounts(array[user_id]);
  with gone as (
    delete from private.byok_keys k where k.user_id = user_id and k.provider = provider and (name is null or k.name = name) returning k.id
  )
  select array_agg(id) into deleted from gone;
  perform private.forget_cooldowns('byok:' || id) from unnest(deleted) id;
  perform private.settle_preferred(user_id, provider);
  return coalesce(cardinality(deleted), 0);
end;
$$;

comment on function public.delete_byok_keys is 'Deletes a caller''s key of a provider by its name, all of the provider''s without. Returns how many.';

revoke all on function public.list_byok_keys, public.find_sealed_key, public.begin_key_checks, public.save_byok_key, public.change_byok_key, public.delete_byok_keys
  from public, anon, authenticated;
grant execute on function public.list_byok_keys, public.find_sealed_key, public.begin_key_checks, public.save_byok_key, public.change_byok_key, public.delete_byok_keys
  to service_role;
