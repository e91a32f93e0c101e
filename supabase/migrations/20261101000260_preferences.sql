-- Preferences: what callers chose for themselves.
--
-- Invariant: what was chosen stays, also while the plan does not allow it.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.preferences (
  user_id uuid primary key references private.accounts (user_id) on delete cascade,
  ui jsonb not null default '{}' check (jsonb_typeof(ui) = 'object' and length(ui::text) <= 16384),
  session jsonb not null default '{}' check (jsonb_typeof(session) = 'object' and length(session::text) <= 16384),
  default_model_id text check (char_length(default_model_id) between 1 and 200),
  temperature numeric check (temperature between 0 and 2),
  system_prompt text check (char_length(system_prompt) between 1 and 20000),
  prefer_own_keys boolean not null default false,
  allow_platform_keys boolean not null default false,
  updated_at timestamptz not null default now()
);

comment on table private.preferences is 'One row for each caller who has any.';
comment on column private.preferences.ui is 'The app''s, of which we know nothing, as is session.';
comment on column private.preferences.default_model_id is
  'The model of a request that names none, while the plan has it. No foreign key: what was chosen stays.';
comment on column private.preferences.temperature is 'Of chats that say nothing of it.';
comment on column private.preferences.system_prompt is 'Stands before the messages of chats that have none of their own.';
comment on column private.preferences.prefer_own_keys is 'Chats are served with the caller''s own provider keys, where the plan leaves it to the caller.';
comment on column private.preferences.allow_platform_keys is
  'Where chats are served with the caller''s own keys: whether the platform''s take over, at the plan''s cost, when those fail or there is none.';

revoke all on private.preferences from public, anon, authenticated, service_role;
grant select, insert, update on private.preferences to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.merge_patch(target jsonb, patch jsonb) returns jsonb
language sql immutable security invoker set search_path = ''
as $$
  select case when jsonb_typeof(patch) is distinct from 'object' then patch else (
    select coalesce(jsonb_object_agg(key, value), '{}')
    from (
      select
        coalesce(t.key, p.key) as key,
        case
          when p.key is null then t.value
          when jsonb_typeof(p.value) = 'object' then private.merge_patch(t.value, p.value)
          else p.value
        end as value
      from jsonb_each(case jsonb_typeof(target) when 'object' then target else '{}' end) t
      full join jsonb_each(patch) p on p.key = t.key
    ) merged
    where jsonb_typeof(value) <> 'null'
  ) end;
$$;

comment on function private.merge_patch is
  'What is given takes the place of what is there, member by member and also within members; null removes one (RFC 7386).';

revoke all on function private.merge_patch from public;
grant execute on function private.merge_patch to service_role;
