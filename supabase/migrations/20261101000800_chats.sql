-- Chats: the call before the provider, for many chats at once.
--
-- Invariant: an item that cannot be served is answered with a refusal and leaves no trace; it never fails its neighbours.
--
-- Plans are made once a session, perhaps while the tables are empty, and are used when they are full. So this function and settle_chats ask for
-- a generic plan (planning costs more than running) without sequential scans, and name the rows they join by `= any (…)`, which is
-- an index scan whatever the statistics say.
--
-- A caller whose account somebody else keeps locked must not hold up the others of a batch: waiting for a lock fails soon, and the
-- function that called sends the batch again in halves, until that caller is alone.

create function public.begin_chats(items jsonb) returns setof json
language plpgsql volatile security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
declare
  user_ids uuid[];
  -- Asked once a batch: mostly there are none.
  has_keys boolean := exists (select from private.provider_keys where is_enabled);
  has_cooldowns boolean := exists (select from private.key_cooldowns where until > now());
  has_outages boolean := exists (select from private.route_outages);
  repetitions private.repetition[] := '{}';
  again jsonb;
begin
  if items @? '$[*].api_key_digest' then
    items := private.resolve_api_keys(items);
  end if;
  user_ids := array(select distinct (item ->> 'user_id')::uuid from jsonb_array_elements(items) item);
  perform private.lock_accounts(user_ids);
  perform private.expire_holds(user_ids);
  if items @? '$[*].api_key_id' then
    perform private.mark_api_keys(array(select (item ->> 'api_key_id')::uuid from jsonb_array_elements(items) item where item ? 'api_key_id'));
  end if;
  if items @? '$[*] ? (@.falls_back == true)' then
    return query
    select private.fall_back(item) from jsonb_array_elements(items) item where (item ->> 'falls_back')::boolean;
    items := (select coalesce(jsonb_agg(item), '[]') from jsonb_array_elements(items) item where (item ->> 'falls_back')::boolean is not true);
    if items = '[]' then
      return;
    end if;
  end if;
  if items @? '$[*].idempotency_key ? (@ != null)' then
    repetitions := array(select r from private.claim_keys(items) r);
  end if;

  return query
  with item as materialized (
    select
      i.hold_id, i.user_id, i.api_key_id, prompt.bytes + coalesce(history.bytes, 0) as prompt_bytes,
      i.prompt_messages + coalesce(history.count, 0) + (prompt.system_prompt is not null)::integer as prompt_messages,
      -- Earlier calls have their tools declared to the provider, which adds instructions: see measurePrompt of the gateway.
      i.overhead_tokens + case when history.tool_calls > 0 then 1024 + 64 * history.tool_calls else 0 end as overhead_tokens,
      i.images + coalesce(history.images, 0) as images,
      model.id as model_id, model.context_tokens, model.image_tokens,
      -- Some provider may take more than the model is said to.
      greatest(model.context_tokens, (
        select max(r.context_tokens) from private.model_routes r where r.model_id = model.id and r.is_enabled
      )) as largest_context_tokens, model.supported_parameters, model.first_token_ms,
      -- Prompt and answer share the context; a prompt that leaves no room is left to the provider to refuse.
      case i.output_modality
        when 'embeddings' then 0
        else least(
          i.max_output_tokens, model.max_output_tokens,
          greatest(64, model.context_tokens - (prompt.bytes + coalesce(history.bytes, 0)) / 3)
        )
      end as max_output_tokens,
      coalesce(history.messages, '[]') as history,
      i.conversation_id, i.continues, i.first_text, own.*,
      case
        when i.refusal is not null then i.refusal
        when account.user_id is null then 'SL401'
        -- Of a default that nobody can call now the caller knows nothing.
        when model.id is null then case when i.model_id is null and (asked.preset).model_id is not null then 'SL503' else 'SL44M' end
        when granted.model_id is null then 'SL403'
        when i.continues and conversation.id is null then 'SL404'
        when i.output_modality <> all (model.output_modalities)
          or not i.needs <@ model.supported_parameters
          or (i.images + coalesce(history.images, 0) > 0 and 'image' <> all (model.input_modalities)) then 'SL400'
        when own.is_byok and own.keys is null and exists (
          select from private.model_routes r where r.model_id = model.id and r.is_enabled and r.listing <> 'missing'
        ) then 'SL43K'
      end as refusal,
      (asked.preset).unavailable as unavailable_default_model,
      case when i.takes_preferences then chosen.temperature end as temperature, prompt.system_prompt,
      i.output_modality, i.needs, i.provider, model.output_modalities, model.input_modalities, i.ordinality as place
    from rows from (jsonb_to_recordset(items) as (
      hold_id uuid, user_id uuid, api_key_id uuid, refusal text, model_id text, conversation_id uuid, continues boolean,
      first_text text, prompt_bytes bigint, prompt_messages integer, overhead_tokens integer, images integer,
      output_modality text, needs text[], provider text, max_output_tokens integer, byok private.byok_permission, has_fallen_back boolean,
      takes_preferences boolean, takes_system_prompt boolean
    )) with ordinality as i
    left join private.current_accounts account on account.user_id = i.user_id and account.user_id = any (user_ids)
    left join private.plans plan on plan.id = account.plan_id
    left join private.preferences chosen on chosen.user_id = i.user_id and chosen.user_id = any (user_ids)
    -- A case, because it need not be asked for chats that name a model.
    cross join lateral (
      select case when i.model_id is null then private.default_model(i.user_id, account.plan_id) end
    ) asked (preset)
    -- What the caller chose is part of the prompt.
    cross join lateral (
      select
        case when i.takes_system_prompt then chosen.system_prompt end as system_prompt,
        i.prompt_bytes + case when i.takes_system_prompt then coalesce(octet_length(chosen.system_prompt), 0) else 0 end as bytes
    ) prompt
    left join private.models model on model.id = coalesce(i.model_id, (asked.preset).model_id) and model.status = 'active'
    left join private.plan_models granted on granted.plan_id = account.plan_id and granted.model_id = model.id
    left join public.conversations conversation
      on i.continues and conversation.id = i.conversation_id and conversation.user_id = i.user_id
    -- Two bytes a token: nearly all text has more, so that what is loaded fits. Half a mebibyte keeps the answer to a batch small.
    left join lateral private.load_history(
      conversation.id,
      least(
        524288,
        2::bigint * (model.context_tokens - least(i.max_output_tokens, model.max_output_tokens, model.context_tokens / 2))
          - prompt.bytes
      )
    ) history on conversation.id is not null
    cross join lateral private.find_own_keys(
      i.user_id, model.id, plan.byok, i.byok, chosen.prefer_own_keys, chosen.allow_platform_keys, coalesce(i.has_fallen_back, false)
    ) own
    where i.hold_id <> all (array(select r.hold_id from unnest(repetitions) r))
  ),
  request as (
    select array_agg(
      -- First come, first served.
      (
        hold_id, user_id, conversation_id, model_id,
        -- No provider takes more; of texts that are embedded each may be as long.
        least(largest_context_tokens::bigint * case output_modality when 'embeddings' then prompt_messages else 1 end, 2147483647)::integer,
        prompt_bytes, prompt_messages, overhead_tokens, images, image_tokens, max_output_tokens,
        api_key_id, is_byok, key_providers, null, null, null
      )::private.hold_request order by place
    ) as requests
    from item
    where refusal is null
  ),
  decision as materialized (
    select d.*, case when has_outages and d.refusal is null and not item.is_byok then private.probe_routes(d.routes, item.provider) end as probes
    from request cross join lateral private.place_holds(request.requests) d
    join item on item.hold_id = d.hold_id
    where request.requests is not null
  ),
  -- Before the answer, so that the id that a client is told is one it can use at once. The title is what was said first.
  begun as (
    insert into public.conversations (id, user_id, title)
    select
      item.conversation_id, item.user_id,
      coalesce(nullif(left(btrim(regexp_replace(item.first_text, '\s+', ' ', 'g')), 80), ''), 'Conversation')
    from item
    join decision on decision.hold_id = item.hold_id and decision.refusal is null
    where not item.continues and item.conversation_id is not null
  )
  select
    case
      when coalesce(item.refusal, decision.refusal) is null then json_build_object(
        'hold_id', item.hold_id, 'user_id', item.user_id, 'model_id', item.model_id, 'routes', decision.routes,
        'max_output_tokens', decision.max_output_tokens, 'history', item.history,
        'supported_parameters', item.supported_parameters, 'first_token_ms', item.first_token_ms, 'limits', decision.limits,
        'unavailable_default_model', item.unavailable_default_model, 'temperature', item.temperature, 'system_prompt', item.system_prompt,
        'own_keys', item.keys, 'may_fall_back', item.may_fall_back,
        'keys', case when has_keys and not item.is_byok then (
          select json_agg(json_build_object(
            'id', k.id, 'provider', k.provider, 'sealed_key', k.sealed_key, 'weight', k.weight, 'use_count', coalesce(u.count, 0)
          ))
          from private.provider_keys k
          left join private.provider_key_uses u on u.key_id = k.id
          where k.is_enabled and k.provider = any (decision.providers)
        ) end,
        'cooling_keys', case when has_cooldowns then (
          select json_agg(json_build_object(
            'id', c.key_id,
            'wait_ms', case when c.until < 'infinity' then ceil(1000 * extract(epoch from c.until - now())) end
          ))
          from private.key_cooldowns c
          where c.provider = any (decision.providers) and c.until > now() and (c.user_id is null or c.user_id = item.user_id)
        ) end,
        'outages', case when has_outages then (
          select json_agg(json_build_object(
            'route_id', o.route_id,
            'state', case when o.until is null then 'failing' when o.route_id = any (decision.probes) then 'probe' else 'lasting' end
          ))
          from private.route_outages o
          where o.route_id = any (decision.route_ids)
        ) end
      )
      else json_build_object(
        'hold_id', item.hold_id, 'refusal', coalesce(item.refusal, decision.refusal), 'limits', decision.limits,
        'detail', case item.refusal
          -- The first thing asked for that the model cannot do.
          when 'SL400' then json_build_object('missing', case
            when item.output_modality <> all (item.output_modalities) then item.output_modality
            when item.images > 0 and 'image' <> all (item.input_modalities) then 'image'
            else (select need from unnest(item.needs) need where need <> all (item.supported_parameters) limit 1)
          end)
          else decision.detail
        end
      )
    end
  from item
  left join decision on decision.hold_id = item.hold_id;

  if repetitions <> '{}' then
    -- Of equal keys in a batch the first is asked for. Where nothing came of it, the next one is.
    select jsonb_agg(i.value order by i.place) into again
    from jsonb_array_elements(items) with ordinality i (value, place)
    join unnest(repetitions) r on r.hold_id = (i.value ->> 'hold_id')::uuid
    where r.request_id = any (array(select (item ->> 'hold_id')::uuid from jsonb_array_elements(items) item))
      and not exists (select from private.holds h where h.id = r.request_id);
    return query
    select case
      when r.refusal is null then json_build_object('hold_id', r.hold_id, 'replay_of', r.request_id, 'user_id', (
        select item ->> 'user_id' from jsonb_array_elements(items) item where (item ->> 'hold_id')::uuid = r.hold_id
      ))
      else json_build_object('hold_id', r.hold_id, 'refusal', r.refusal, 'detail', json_build_object('request_id', r.request_id))
    end
    from unnest(repetitions) r
    where r.hold_id <> all (array(select (item ->> 'hold_id')::uuid from jsonb_array_elements(again) item));
    if again is not null then
      return query select public.begin_chats(again);
    end if;
  end if;
end;
$$;

comment on function public.begin_chats is
  'Before the provider: for each item the model, the routes, the history and a placed hold, a refusal (an SQLSTATE of ours) with its detail, or the request that it repeats.';

revoke all on function public.begin_chats from public, anon, authenticated;
grant execute on function public.begin_chats to service_role;
