-- Service holds: other services of the app take from a caller's limits as chats do: they hold, then settle or release.
--
-- Invariant: what a chat holds is out of their reach, and what they hold is out of a chat's.
--
-- Planning costs more than running: the functions ask for generic plans, as begin_chats does.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.describe_hold(hold_id uuid) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'hold_id', h.hold_id, 'state', h.state, 'expires_at', h.expires_at, 'usage', h.usage, 'cost_nano', h.cost_nano, 'limits', h.limits
  )
  from private.describe_holds(array[describe_hold.hold_id]) h;
$$;

comment on function private.describe_hold is 'How a hold of a service stands, as the service is told.';

create function private.close_service_hold(hold_id uuid, charges private.charge[]) returns json
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform private.lock_accounts(array(select h.user_id from private.holds h where h.id = hold_id and h.service is not null));
  if not exists (select from private.holds h where h.id = hold_id and h.service is not null) then
    return json_build_object('hold_id', hold_id, 'refusal', 'SL44H');
  end if;
  perform private.settle_holds(array[(hold_id, 'settled', charges)::private.hold_settlement]);
  return private.describe_hold(hold_id);
end;
$$;

revoke all on function private.describe_hold, private.close_service_hold from public;
grant execute on function private.describe_hold, private.close_service_hold to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.place_hold(item jsonb) returns json
language plpgsql volatile security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
declare
  hold_id uuid := item ->> 'hold_id';
  user_id uuid := item ->> 'user_id';
  repetition private.repetition;
  decision private.hold_decision;
begin
  perform private.lock_accounts(array[user_id]);
  perform private.expire_holds(array[user_id]);
  if item ->> 'idempotency_key' is not null then
    -- A blank is in no key of a chat: people cannot come upon a service's keys.
    select r.* into repetition
    from private.claim_keys(jsonb_build_array(
      item || jsonb_build_object('idempotency_key', concat(item ->> 'service', ' ', item ->> 'idempotency_key'))
    )) r;
    if repetition.refusal = 'SL422' then
      return json_build_object('hold_id', hold_id, 'refusal', repetition.refusal);
    elsif repetition.request_id is not null then
      return (private.describe_hold(repetition.request_id)::jsonb || '{"is_replay": true}')::json;
    end if;
  end if;
  select d.* into decision
  from private.place_holds(array[(
    hold_id, user_id, null, null, null, null, null, null, null, null, 0,
    null, false, null, item ->> 'service', item ->> 'tokens', item ->> 'cost_nano'
  )::private.hold_request]) d;
  if decision.hold_id is null then
    return json_build_object('hold_id', hold_id, 'refusal', 'SL401');
  elsif decision.refusal is not null then
    return json_build_object('hold_id', hold_id, 'refusal', decision.refusal, 'detail', decision.detail);
  end if;
  return (private.describe_hold(hold_id)::jsonb || '{"is_replay": false}')::json;
end;
$$;

comment on function public.place_hold is
  'Holds tokens and nano-USD of a caller for a service of the app, for ten minutes. With an idempotency key: once. Answers with the hold or a refusal (an SQLSTATE of ours) with its detail.';

create function public.settle_hold(item jsonb) returns json
language sql volatile security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
  select private.close_service_hold((item ->> 'hold_id')::uuid, array[(
    1, null, 'completed', false, null, u.input_tokens, u.cache_read_tokens, u.cache_write_tokens, u.output_tokens, u.reasoning_tokens,
    (item ->> 'cost_nano')::bigint
  )::private.charge])
  from jsonb_to_record(item -> 'usage') as u (
    input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint
  );
$$;

comment on function public.settle_hold is
  'Charges what a service used under its hold, also where it is more than was held or the hold has expired: it is spent. Twice is once. Answers how the hold stands then, or with a refusal.';

create function public.release_hold(hold_id uuid) returns json
language sql volatile security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
  select private.close_service_hold(hold_id, '{}');
$$;

comment on function public.release_hold is
  'Gives back what a service held and did not use. Changes nothing once it is settled. Answers how the hold stands then, or with a refusal.';

revoke all on function public.place_hold, public.settle_hold, public.release_hold from public, anon, authenticated;
grant execute on function public.place_hold, public.settle_hold, public.release_hold to service_role;
