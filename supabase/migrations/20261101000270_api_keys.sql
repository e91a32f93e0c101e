-- API keys: what people give to apps and servers of theirs, which then act for them.
--
-- Invariants
--   Of a key its digest is kept: whoever has a copy of this table can show no key.
--   A key that is revoked or has expired is like one that there is not.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.api_scope as enum ('chat', 'models', 'usage');

comment on type private.api_scope is
  'chat: chats, embeddings and conversations; models: which models there are; usage: usage, limits and balance. Nothing else is done with an API key.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.api_keys (
  id uuid primary key,
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  name text not null check (char_length(name) between 1 and 100),
  digest bytea not null unique check (octet_length(digest) = 32),
  last_four text not null check (char_length(last_four) = 4),
  scopes private.api_scope[] not null check (cardinality(scopes) > 0),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);

comment on table private.api_keys is 'Keys that were revoked or have expired stay for a while, fifty at most, so that their owner can see when they were last used.';
comment on column private.api_keys.digest is 'SHA-256 of the whole key, which is random enough for a fast digest.';
comment on column private.api_keys.last_four is 'For its owner to recognise it by.';
comment on column private.api_keys.last_used_at is 'To the hour.';

create index api_keys_user on private.api_keys (user_id, id);

create table private.api_key_limits (
  api_key_id uuid not null references private.api_keys (id) on delete cascade,
  unit private.limit_unit not null,
  "window" private.limit_window not null check ((unit = 'concurrent') = ("window" = 'instant')),
  amount bigint not null check (amount between 0 and 9007199254740991),
  primary key (api_key_id, unit, "window"),
  check (amount > 0 or unit <> 'requests' or "window" <> 'minute')
);

comment on table private.api_key_limits is 'What may be used with one key, beside the limits of its owner.';
comment on column private.api_key_limits.amount is 'In the unit of the row: requests, tokens, nano-USD (1e-9 USD), or requests at once.';

revoke all on private.api_keys, private.api_key_limits from public, anon, authenticated, service_role;
grant select, insert, delete, update (name, scopes, expires_at, revoked_at, last_used_at) on private.api_keys to service_role;
grant select, insert, delete on private.api_key_limits to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

-- PL/pgSQL, which plans once a session, for what each chat calls.

create function private.mark_api_keys(ids uuid[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- Once an hour, and by whoever comes first: nobody waits to say that a key is used.
  update private.api_keys k set last_used_at = date_trunc('hour', now())
  where k.id = any (array(
    select due.id from private.api_keys due
    where due.id = any (ids) and due.last_used_at >= date_trunc('hour', now()) is not true
    for no key update skip locked
  ));
end;
$$;

comment on function private.mark_api_keys is 'Takes down that keys are used. Callers who are to be locked are, before that.';

create view private.live_api_keys with (security_invoker = true) as
  select * from private.api_keys where revoked_at is null and expires_at > now() is not false;

comment on view private.live_api_keys is 'The keys that let somebody in at this moment.';

revoke all on private.live_api_keys from public, anon, authenticated, service_role;
grant select on private.live_api_keys to service_role;

create function private.resolve_api_keys(items jsonb) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (
    select jsonb_agg(
      case
        when not i.value ? 'api_key_digest' then i.value
        when shown.id is null then i.value - 'api_key_digest' || '{"user_id": null}'
        when 'chat' <> all (shown.scopes) then i.value - 'api_key_digest' || jsonb_build_object('user_id', null, 'refusal', 'SL43S')
        else i.value - 'api_key_digest' || jsonb_build_object('user_id', shown.user_id, 'api_key_id', shown.id)
      end
      order by i.place
    )
    from jsonb_array_elements(items) with ordinality i (value, place)
    left join private.live_api_keys shown on shown.digest = decode(i.value ->> 'api_key_digest', 'hex')
  );
end;
$$;

comment on function private.resolve_api_keys is
  'In the place of the digests of API keys puts whose they are (user_id, api_key_id); nobody where there is no such key, and with a refusal where it is not for chats.';

create function private.describe_api_key(key private.api_keys) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(key) - 'user_id' - 'digest' || jsonb_build_object('limits', coalesce(
    (
      select jsonb_agg(jsonb_build_object('unit', l.unit, 'window', l."window", 'amount', l.amount) order by l.unit, l."window")
      from private.api_key_limits l where l.api_key_id = key.id
    ),
    '[]'
  ));
$$;

comment on function private.describe_api_key is 'A key as its owner is told of it.';

create function private.has_most_api_keys(user_id uuid, beside uuid) returns boolean
language sql stable security invoker set search_path = ''
as $$
  select count(*) >= 50 from private.live_api_keys k where k.user_id = has_most_api_keys.user_id and k.id is distinct from beside;
$$;

comment on function private.has_most_api_keys is 'Whether as many of a caller''s keys count as may: fifty, beside one of them.';

create function private.set_api_key_limits(api_key_id uuid, limits jsonb) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  delete from private.api_key_limits l where l.api_key_id = api_key_id;
  insert into private.api_key_limits (api_key_id, unit, "window", amount)
  select api_key_id, l.unit, l."window", l.amount
  from jsonb_to_recordset(limits) as l (unit private.limit_unit, "window" private.limit_window, amount bigint);
end;
$$;

comment on function private.set_api_key_limits is 'These are the limits of a key from now on. What is used of them stays.';

revoke all on function private.mark_api_keys, private.resolve_api_keys, private.describe_api_key, private.has_most_api_keys, private.set_api_key_limits from public;
grant execute on function private.mark_api_keys, private.resolve_api_keys, private.describe_api_key, private.has_most_api_keys, private.set_api_key_limits to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.use_api_keys(digests text[]) returns setof json
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform private.mark_api_keys(array(
    select k.id from private.live_api_keys k where k.digest = any (array(select decode(d, 'hex') from unnest(digests) d))
  ));
  return query
  select case when k.id is not null then json_build_object('user_id', k.user_id, 'scopes', k.scopes) end
  from unnest(digests) with ordinality asked (digest, place)
  left join private.live_api_keys k on k.digest = decode(asked.digest, 'hex')
  order by asked.place;
end;
$$;

comment on function public.use_api_keys is
  'For each digest (hex) of an API key that somebody shows: whose it is and for what. Null where there is no such key, or it does not count any more.';

create function public.create_api_key(user_id uuid, key jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  most_kept constant integer := 50;
  created private.api_keys;
begin
  perform private.lock_accounts(array[user_id]);
  if not exists (select from private.accounts a where a.user_id = user_id) then
    return json_build_object('refusal', 'SL401');
  elsif private.has_most_api_keys(user_id, null) then
    return json_build_object('refusal', 'SL49M');
  end if;
  -- Of those that let nobody in any more the oldest go first.
  delete from private.api_keys k where k.id = any (array(
    select dead.id from private.api_keys dead
    where dead.user_id = user_id and (dead.revoked_at is not null or dead.expires_at <= now())
    order by dead.id desc offset most_kept
  ));
  insert into private.api_keys (id, user_id, name, digest, last_four, scopes, expires_at)
  select k.id, user_id, k.name, decode(k.digest, 'hex'), k.last_four, k.scopes, k.expires_at
  from jsonb_to_record(key) as k (
    id uuid, name text, digest text, last_four text, scopes private.api_scope[], expires_at timestamptz
  )
  returning * into created;
  perform private.set_api_key_limits(created.id, key -> 'limits');
  return private.describe_api_key(created);
end;
$$;

comment on function public.create_api_key is
  'Adds an API key of a caller by its digest (hex). Refused (an SQLSTATE of ours) where fifty of the caller''s count already.';

create function public.list_api_keys(user_id uuid) returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select private.describe_api_key(k) from private.api_keys k where k.user_id = list_api_keys.user_id order by k.id desc;
$$;

comment on function public.list_api_keys is 'A caller''s API keys, the newest first; those that were revoked or have expired, too.';

create function public.change_api_key(user_id uuid, api_key_id uuid, change jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  changed private.api_keys;
begin
  perform private.lock_accounts(array[user_id]);
  -- One that has expired may be given more time: it counts again then.
  if change ? 'expires_at' and private.has_most_api_keys(user_id, api_key_id) then
    return jsonb_build_object('refusal', 'SL49M');
  end if;
  update private.api_keys k set
    name = coalesce(change ->> 'name', k.name),
    scopes = case when change ? 'scopes'
      then array(select s::private.api_scope from jsonb_array_elements_text(change -> 'scopes') s) else k.scopes end,
    expires_at = case when change ? 'expires_at' then (change ->> 'expires_at')::timestamptz else k.expires_at end
  where k.id = api_key_id and k.user_id = user_id and k.revoked_at is null
  returning k.* into changed;
  if not found then
    return null;
  end if;
  if change ? 'limits' then
    perform private.set_api_key_limits(api_key_id, change -> 'limits');
  end if;
  return private.describe_api_key(changed);
end;
$$;

comment on function public.change_api_key is
  'Changes what is named of a caller''s API key; of limits all of them. Refused as create_api_key is; null where the caller has no such key, or has revoked it.';

create function public.revoke_api_key(user_id uuid, api_key_id uuid) returns boolean
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
begin
  update private.api_keys k set revoked_at = coalesce(k.revoked_at, now())
  where k.id = revoke_api_key.api_key_id and k.user_id = revoke_api_key.user_id;
  return found;
end;
$$;

comment on function public.revoke_api_key is
  'A caller''s API key lets nobody in any more, from this moment on. Twice is once. False where the caller has no such key.';

revoke all on function public.use_api_keys, public.create_api_key, public.list_api_keys, public.change_api_key, public.revoke_api_key
  from public, anon, authenticated;
grant execute on function public.use_api_keys, public.create_api_key, public.list_api_keys, public.change_api_key, public.revoke_api_key
  to service_role;
