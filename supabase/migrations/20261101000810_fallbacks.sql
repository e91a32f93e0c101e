-- Fallbacks: a chat whose caller's own keys have failed goes on with the platform's, under the same name.
--
-- Invariant: the hold for the own keys is closed where the one for the platform's is placed, and in the same moment; otherwise it stays as it was.

create function private.fall_back(item jsonb) returns json
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  spent private.holds;
  answer json;
begin
  update private.holds h set id = gen_random_uuid()
  where h.id = (item ->> 'hold_id')::uuid and h.user_id = (item ->> 'user_id')::uuid and h.state = 'pending' and h.is_byok
  returning h.* into spent;
  if spent.id is null then
    -- It has been released: whoever asks comes too late.
    return json_build_object('hold_id', item -> 'hold_id', 'refusal', 'SL44H');
  end if;
  perform private.settle_holds(array[(spent.id, 'settled', '{}')::private.hold_settlement]);
  if spent.conversation_id is not null then
    perform private.append_turns(array[(spent.conversation_id, spent.user_id, spent.id, spent.model_id, '{}')::private.turn]);
  end if;
  -- It is still the same request.
  update private.request_rates q set next_at = q.next_at - interval '1 minute' / q."limit"
  where q.user_id = spent.user_id
    and case q.scope when 'all' then true when 'model' then q.scope_id = spent.model_id else q.scope_id = spent.api_key_id::text end;

  select a into answer from public.begin_chats(jsonb_build_array(item || '{"falls_back": false, "has_fallen_back": true}')) a;
  if answer ->> 'refusal' is not null then
    raise exception using errcode = 'SL000', message = 'refused: all of this is undone';
  end if;
  return answer;
exception when sqlstate 'SL000' then
  return answer;
end;
$$;

comment on function private.fall_back is
  'Answers a chat as begin_chats does, with the platform''s keys in the place of the caller''s own, for which it is held. The caller must be locked (lock_accounts).';

revoke all on function private.fall_back from public;
grant execute on function private.fall_back to service_role;
