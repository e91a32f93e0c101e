-- Changes of preferences: how callers read and change what they chose.
--
-- Invariant: a model that the caller cannot use is not chosen; what was chosen stays, whatever becomes of the model.

create function public.get_preferences(user_id uuid) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'ui', coalesce(p.ui, '{}'), 'session', coalesce(p.session, '{}'), 'default_model', p.default_model_id,
    'temperature', p.temperature, 'system_prompt', p.system_prompt, 'model_in_use', d.usable_id, 'unavailable_default_model', d.unavailable,
    'prefer_own_keys', coalesce(p.prefer_own_keys, false), 'allow_platform_keys', coalesce(p.allow_platform_keys, false)
  )
  from private.current_accounts a
  left join private.preferences p on p.user_id = a.user_id
  cross join lateral private.usable_default(a.user_id, a.plan_id) d
  where a.user_id = get_preferences.user_id;
$$;

comment on function public.get_preferences is 'What a caller chose, and which model a request without one goes to. Null where there is no such caller.';

create function public.patch_preferences(user_id uuid, patch jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
#variable_conflict use_variable
declare
  chosen text := patch #>> '{model,default_model}';
  refusal text;
  merged private.preferences;
begin
  select case
    when chosen is null then null
    when usable.id is not null then case when 'text' <> all (usable.output_modalities) then 'SL400' end
    when m.status is distinct from 'active' then 'SL44M'
    when granted.plan_id is null then 'SL403'
    else 'SL503'
  end
  into refusal
  from private.current_accounts a
  left join private.models m on m.id = chosen
  left join private.plan_models granted on granted.plan_id = a.plan_id and granted.model_id = chosen
  left join private.usable_models usable on usable.plan_id = a.plan_id and usable.id = chosen
  where a.user_id = user_id;
  if not found then
    return null;
  elsif refusal is not null then
    return json_build_object('refusal', refusal);
  end if;
  insert into private.preferences as p (user_id) values (user_id) on conflict do nothing;
  select p.* into merged from private.preferences p where p.user_id = user_id for no key update;
  merged.ui := private.merge_patch(merged.ui, coalesce(patch -> 'ui', '{}'));
  merged.session := private.merge_patch(merged.session, coalesce(patch -> 'session', '{}'));
  if greatest(length(merged.ui::text), length(merged.session::text)) > 16384 then
    return json_build_object('refusal', 'SL40L', 'param', case when length(merged.ui::text) > 16384 then 'ui' else 'session' end);
  end if;
  update private.preferences p set
    ui = merged.ui, session = merged.session,
    default_model_id = case when patch -> 'model' ? 'default_model' then chosen else p.default_model_id end,
    temperature = case when patch -> 'model' ? 'temperature' then (patch #>> '{model,temperature}')::numeric else p.temperature end,
    system_prompt = case when patch -> 'model' ? 'system_prompt' then patch #>> '{model,system_prompt}' else p.system_prompt end,
    prefer_own_keys = coalesce((patch #>> '{keys,prefer_own_keys}')::boolean, p.prefer_own_keys),
    allow_platform_keys = coalesce((patch #>> '{keys,allow_platform_keys}')::boolean, p.allow_platform_keys),
    updated_at = now()
  where p.user_id = user_id;
  return public.get_preferences(user_id);
end;
$$;

comment on function public.patch_preferences is
  'Merges what a caller chose into what was there: ui and session as deep as they go, model and keys member by member; null removes. Answers with all of it, or with a refusal (an SQLSTATE of ours): of a model that cannot be chosen, or of what grew too large (param).';

revoke all on function public.get_preferences, public.patch_preferences from public, anon, authenticated;
grant execute on function public.get_preferences, public.patch_preferences to service_role;
