-- Key administration: how administrators run the platform's pool of provider keys.
--
-- Invariant: what is done is taken down in the audit log, in the same transaction, and never with the key, sealed or not.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.describe_provider_key(key private.provider_keys) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(key) - 'sealed_key' || jsonb_build_object(
    'cooldowns', private.describe_cooldowns('key:' || key.id),
    'use_count', coalesce(u.count, 0), 'last_used_at', u.last_used_at
  )
  from (values (key.id)) one (id)
  left join private.provider_key_uses u on u.key_id = one.id;
$$;

comment on function private.describe_provider_key is
  'A key of the pool as administrators are told of it, with what it is left alone for and how often it was used.';

revoke all on function private.describe_provider_key from public;
grant execute on function private.describe_provider_key to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.list_provider_keys() returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select private.describe_provider_key(k) from private.provider_keys k order by k.provider, k.created_at, k.id;
$$;

comment on function public.list_provider_keys is 'The platform''s pool.';

create function public.add_provider_key(actor_id uuid, key jsonb, replaces uuid default null) returns jsonb
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  given private.provider_keys := jsonb_populate_record(null::private.provider_keys, key);
  old private.provider_keys;
  added private.provider_keys;
begin
  if replaces is not null then
    select k.* into old from private.provider_keys k where k.id = replaces and k.provider = given.provider and k.is_enabled for no key update;
    if not found then
      return jsonb_build_object('refusal', 'SL44K');
    end if;
  end if;
  if exists (select from private.provider_keys k where k.provider = given.provider and k.fingerprint = given.fingerprint) then
    return jsonb_build_object('refusal', 'SL49D');
  end if;
  insert into private.provider_keys (id, provider, name, sealed_key, last_four, fingerprint, weight)
  values (
    given.id, given.provider, coalesce(given.name, old.name, ''), given.sealed_key, given.last_four, given.fingerprint,
    coalesce(given.weight, old.weight, 1)
  )
  returning * into added;
  update private.provider_keys k set is_enabled = false where k.id = old.id;
  perform private.audit(
    actor_id, case when old.id is null then 'provider_key.add' else 'provider_key.rotate' end, added.id::text,
    private.describe_provider_key(added) - 'cooldowns', case when old.id is not null then private.describe_provider_key(old) end
  );
  return jsonb_build_object('key', private.describe_provider_key(added));
exception when unique_violation then
  return jsonb_build_object('refusal', 'SL49D');
end;
$$;

comment on function public.add_provider_key is
  'Adds a sealed key to the pool, with the name and the weight of the one that it replaces, which is switched off. Refused (an SQLSTATE of ours) where the pool has it already, or not the one to be replaced, switched on.';

create function public.change_provider_key(actor_id uuid, key_id uuid, change jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  old private.provider_keys;
  changed private.provider_keys;
  before jsonb;
begin
  select k.* into old from private.provider_keys k where k.id = key_id for no key update;
  if not found then
    return null;
  end if;
  before := private.describe_provider_key(old);
  update private.provider_keys k set
    name = coalesce(change ->> 'name', k.name),
    weight = coalesce((change ->> 'weight')::integer, k.weight),
    is_enabled = coalesce((change ->> 'is_enabled')::boolean, k.is_enabled)
  where k.id = key_id
  returning k.* into changed;
  if (change ->> 'is_enabled')::boolean then
    perform private.forget_cooldowns('key:' || key_id);
  end if;
  perform private.audit(actor_id, 'provider_key.change', key_id::text, change, before);
  return private.describe_provider_key(changed);
end;
$$;

comment on function public.change_provider_key is
  'Changes what is named of a key of the pool. One that is switched on is used again at once, whatever the provider said of it. Null where there is no such key.';

create function public.delete_provider_key(actor_id uuid, key_id uuid) returns boolean
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  old private.provider_keys;
  before jsonb;
begin
  select k.* into old from private.provider_keys k where k.id = key_id;
  if not found then
    return false;
  end if;
  before := private.describe_provider_key(old);
  -- First the cooldowns, then the key with its uses, as settle_chats takes them.
  perform private.forget_cooldowns('key:' || key_id);
  delete from private.provider_keys k where k.id = key_id;
  if not found then
    return false;
  end if;
  perform private.audit(actor_id, 'provider_key.delete', key_id::text, null, before);
  return true;
end;
$$;

comment on function public.delete_provider_key is 'Takes a key out of the pool for good. False where there is no such key.';

revoke all on function public.list_provider_keys, public.add_provider_key, public.change_provider_key, public.delete_provider_key
  from public, anon, authenticated;
grant execute on function public.list_provider_keys, public.add_provider_key, public.change_provider_key, public.delete_provider_key
  to service_role;
