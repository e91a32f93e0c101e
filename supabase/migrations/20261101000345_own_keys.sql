-- Own keys: provider keys of callers, and whose keys serve a chat.
--
-- Invariants
--   A key lies here sealed, and opens for its owner, in its own row and for its own address alone.
--   The platform's keys serve a caller whose own are to be used only where the caller allows it, and then within the plan's limits.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.byok_status as enum ('valid', 'unverified', 'invalid');

comment on type private.byok_status is
  'valid: the provider accepted it when it was last asked; unverified: the provider could not be asked yet; invalid: the provider refused it, and it is not used any more.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.byok_keys (
  id uuid primary key,
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  provider text not null check (provider ~ '^[a-z][a-z0-9-]{0,39}$'),
  name text not null check (char_length(name) between 1 and 40),
  base_url text check (char_length(base_url) between 1 and 500),
  sealed_key text not null unique check (sealed_key ~ '^v1\.'),
  last_four text check (char_length(last_four) = 4),
  fingerprint text not null,
  status private.byok_status not null,
  is_preferred boolean not null,
  created_at timestamptz not null default now(),
  checked_at timestamptz not null default now(),
  last_used_at timestamptz,
  unique (user_id, provider, name)
);

comment on table private.byok_keys is 'Callers'' own keys of providers. What is saved anew under a name is a new row.';
comment on column private.byok_keys.id is 'Part of what the envelope binds, beside the caller, the provider and base_url: a sealed key copied into another row does not open.';
comment on column private.byok_keys.base_url is 'A server that speaks the provider''s format and is called in its place; null for the provider''s own.';
comment on column private.byok_keys.last_four is 'For its owner to recognise it by; null for a key too short to show any of it.';
comment on column private.byok_keys.fingerprint is 'Keyed digest of the key: the same key has the same.';
comment on column private.byok_keys.is_preferred is 'Tried before the other keys of the same provider.';
comment on column private.byok_keys.checked_at is 'When the provider was last heard about it.';
comment on column private.byok_keys.last_used_at is 'To the minute.';

create unique index byok_keys_one_preferred on private.byok_keys (user_id, provider) where is_preferred;

revoke all on private.byok_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on private.byok_keys to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.own_key_of(key_id text) returns uuid
language sql immutable security invoker set search_path = ''
return case when key_id ~ '^byok:[0-9a-f-]{36}(/|$)' then substr(key_id, 6, 36)::uuid end;

comment on function private.own_key_of is 'The row of byok_keys that a provider key''s name speaks of (see key_cooldowns.key_id); null for one of the platform.';

create function private.count_key_uses(credential_ids text[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  own_ids uuid[] := array(select private.own_key_of(c) from unnest(credential_ids) c where private.own_key_of(c) is not null);
begin
  -- In the order of their ids, so that two batches cannot deadlock.
  insert into private.provider_key_uses as u (key_id, count, last_used_at)
  select k.id, count(*), now()
  from unnest(credential_ids) c
  join private.provider_keys k on k.id = case when c ~ '^key:[0-9a-f-]{36}$' then substr(c, 5)::uuid end
  group by k.id
  order by k.id
  on conflict (key_id) do update set count = u.count + excluded.count, last_used_at = excluded.last_used_at;

  -- What the provider answers, it accepts. Nobody waits to say that a key is used.
  update private.byok_keys k set
    last_used_at = date_trunc('minute', now()), status = case k.status when 'unverified' then 'valid' else k.status end,
    checked_at = case k.status when 'unverified' then now() else k.checked_at end
  where own_ids <> '{}' and k.id = any (array(
    select due.id
    from private.byok_keys due
    where due.id = any (own_ids) and (due.status = 'unverified' or due.last_used_at >= date_trunc('minute', now()) is not true)
    for no key update skip locked
  ));
end;
$$;

comment on function private.count_key_uses is 'Takes down with which keys providers answered: one entry for each call.';

create function public.rewrap_keys(items jsonb) returns integer
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
declare
  ids uuid[] := array(select i.id from jsonb_to_recordset(items) as i (id uuid));
  pooled integer;
  own integer;
begin
  -- In the order of their ids, so that two batches cannot deadlock.
  perform from private.provider_keys k where k.id = any (ids) order by k.id for no key update;
  update private.provider_keys k set sealed_key = i.resealed
  from jsonb_to_recordset(items) as i (id uuid, sealed_key text, resealed text)
  where k.id = i.id and k.sealed_key = i.sealed_key;
  get diagnostics pooled = row_count;
  perform from private.byok_keys k where k.id = any (ids) order by k.id for no key update;
  update private.byok_keys k set sealed_key = i.resealed
  from jsonb_to_recordset(items) as i (id uuid, sealed_key text, resealed text)
  where k.id = i.id and k.sealed_key = i.sealed_key;
  get diagnostics own = row_count;
  return pooled + own;
end;
$$;

comment on function public.rewrap_keys is
  'Puts the same keys, sealed under another root key, in the place of what was read: a row that has changed since, or is gone, is left alone. Returns how many.';

create function private.may_fall_back(
  user_id uuid, plan private.byok_permission, deployment private.byok_permission, allow_platform_keys boolean
) returns boolean
language plpgsql stable security invoker set search_path = ''
as $$
begin
  -- On a plan of own keys somebody may forget that the platform's cost money: there the month must have a budget, be it nothing.
  return coalesce(allow_platform_keys, false) and deployment is distinct from 'required' and (plan <> 'required' or exists (
    select from private.caller_limits l
    where l.user_id = may_fall_back.user_id and l.scope = 'all' and l.unit = 'nano_usd' and l."window" = 'month'
  ));
end;
$$;

comment on function private.may_fall_back is
  'Whether the platform''s keys take over where a caller''s own fail. deployment stands in the place of what the plan says.';

create function private.find_own_keys(
  user_id uuid, model_id text, plan private.byok_permission, deployment private.byok_permission,
  prefer_own_keys boolean, allow_platform_keys boolean, has_fallen_back boolean,
  out is_byok boolean, out key_providers text[], out keys json, out may_fall_back boolean
)
language plpgsql stable security invoker set search_path = ''
as $$
declare
  permission private.byok_permission := coalesce(deployment, plan);
begin
  is_byok := false;
  may_fall_back := false;
  if (permission = 'required' or (permission = 'allowed' and prefer_own_keys)) is not true then
    return;
  end if;
  may_fall_back := private.may_fall_back(user_id, plan, deployment, allow_platform_keys);
  if has_fallen_back and may_fall_back then
    may_fall_back := false;
    return;
  end if;
  select
    array_agg(distinct k.provider),
    json_agg(json_build_object('id', k.id, 'provider', k.provider, 'sealed_key', k.sealed_key, 'base_url', k.base_url)
      order by k.is_preferred desc, k.created_at, k.id)
  into key_providers, keys
  from private.byok_keys k
  where k.user_id = find_own_keys.user_id and k.status <> 'invalid' and exists (
    select from private.model_routes r
    where r.model_id = find_own_keys.model_id and r.provider = k.provider and r.is_enabled and r.listing <> 'missing'
      -- Where the platform's may take over, a key that waits for something is not waited for.
      and not (find_own_keys.may_fall_back and exists (
        select from private.key_cooldowns c
        where c.key_id = any (array['byok:' || k.id, 'byok:' || k.id || '/' || r.upstream_model]) and c.until > now()
      ))
  );
  is_byok := keys is not null or not may_fall_back;
  may_fall_back := may_fall_back and is_byok;
end;
$$;

comment on function private.find_own_keys is
  'Whether a request is served with the caller''s own keys (is_byok), and which of these serve the model, the preferred first; null where none does. deployment stands in the place of what the plan says. may_fall_back: where they fail the platform''s take over; has_fallen_back: they have failed.';

revoke all on function private.own_key_of, private.count_key_uses, private.may_fall_back, private.find_own_keys from public;
grant execute on function private.own_key_of, private.count_key_uses, private.may_fall_back, private.find_own_keys to service_role;
revoke all on function public.rewrap_keys from public, anon, authenticated;
grant execute on function public.rewrap_keys to service_role;
