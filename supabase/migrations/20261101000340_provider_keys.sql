-- Provider keys: the platform's pool.
--
-- Invariant: a key lies here sealed, and opens in its own row alone. The functions hold what opens it; a copy of the database does not.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.provider_keys (
  id uuid primary key,
  provider text not null check (provider ~ '^[a-z][a-z0-9-]{0,39}$'),
  name text not null default '' check (char_length(name) <= 100),
  sealed_key text not null unique check (sealed_key ~ '^v1\.'),
  last_four text check (char_length(last_four) = 4),
  fingerprint text,
  weight integer not null default 1 check (weight between 1 and 1000000),
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  unique (provider, fingerprint)
);

comment on table private.provider_keys is 'The pool of the platform''s keys. A key of the functions'' environment is not here and is tried first.';
comment on column private.provider_keys.id is 'Part of what the envelope binds: a sealed key copied into another row does not open.';
comment on column private.provider_keys.last_four is 'For people to recognise it by; null for a key too short to show any of it.';
comment on column private.provider_keys.fingerprint is 'Keyed digest of the key: the same key has the same. Null where it was stored without.';
comment on column private.provider_keys.weight is 'Its share of the provider''s calls, beside the other keys.';

create index provider_keys_provider on private.provider_keys (provider) where is_enabled;

create table private.provider_key_uses (
  key_id uuid primary key references private.provider_keys (id) on delete cascade,
  count bigint not null,
  last_used_at timestamptz not null
) with (fillfactor = 50);

comment on table private.provider_key_uses is
  'How often keys were used. A table of its own, because chats that are settled together wait for its rows, and not for whoever changes a key.';
comment on column private.provider_key_uses.count is 'Calls that the provider answered, as far as they may cost money.';

revoke all on private.provider_keys, private.provider_key_uses from public, anon, authenticated, service_role;
grant select, insert, update, delete on private.provider_keys to service_role;
grant select, insert, update on private.provider_key_uses to service_role;
