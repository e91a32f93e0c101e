-- Chat settlement: the call after the provider, for many chats at once, and the one between two provider calls of a chat.
--
-- Invariant: what is wrong with the text of an answer, or with what was learned on the way, never undoes a charge.

create function public.settle_chats(items jsonb) returns setof json
language plpgsql volatile security invoker set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
declare
  hold_ids uuid[] := array(select (item ->> 'hold_id')::uuid from jsonb_array_elements(items) item);
  user_ids uuid[];
  settlements private.hold_settlement[];
  turns private.turn[];
  closed uuid[];
  turn private.turn;
  unstored uuid[] := '{}';
begin
  user_ids := array(select distinct h.user_id from private.holds h where h.id = any (hold_ids));
  perform private.lock_accounts(user_ids);

  select
    array_agg((h.id, 'settled', array(
      select (
        c.attempt, c.price_id, c.outcome, c.input_tokens is null or c.output_tokens is null, c.credential_id,
        coalesce(c.input_tokens, h.likely_prompt_tokens),
        coalesce(c.cache_read_tokens, 0), coalesce(c.cache_write_tokens, 0),
        -- About 4 bytes a token, and no more than was held, so that an estimate never exceeds a limit.
        coalesce(c.output_tokens, least(ceil(c.output_bytes / 4.0), h.max_output_tokens)),
        least(coalesce(c.reasoning_tokens, 0), coalesce(c.output_tokens, least(ceil(c.output_bytes / 4.0), h.max_output_tokens))),
        null
      )::private.charge
      from jsonb_to_recordset(i.charges) as c (
        attempt smallint, price_id bigint, outcome private.charge_outcome, credential_id text, output_bytes bigint,
        input_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, output_tokens bigint, reasoning_tokens bigint
      )
    ))::private.hold_settlement),
    array_agg((h.conversation_id, h.user_id, h.id, h.model_id, array(
      select (m.role, m.content, m.parts, m.tool_calls, m.tool_call_id, m.continuation, m.finish_reason)::private.message
      from jsonb_to_recordset(i.messages) as m (
        role public.message_role, content text, parts jsonb, tool_calls jsonb, tool_call_id text, continuation text,
        finish_reason public.finish_reason
      )
    ))::private.turn)
  into settlements, turns
  from jsonb_to_recordset(items) as i (hold_id uuid, charges jsonb, messages jsonb)
  join private.holds h on h.id = i.hold_id and h.id = any (hold_ids);

  -- What was settled before has its messages already.
  closed := array(select private.settle_holds(settlements));
  turns := array(
    select distinct on (t.hold_id) t from unnest(turns) t where t.hold_id = any (closed) and t.conversation_id is not null
  );
  begin
    if turns <> '{}' then
      perform private.append_turns(turns);
    end if;
  exception when data_exception or integrity_constraint_violation then
    -- The money is spent whatever the text is like: what cannot be stored must not undo what was charged.
    foreach turn in array turns loop
      begin
        perform private.append_turns(array[turn]);
      exception when data_exception or integrity_constraint_violation then
        unstored := unstored || turn.hold_id;
      end;
    end loop;
  end;

  -- What is told once counts once, and must not undo a charge either.
  if items @? '$[*] ? (exists (@.reply) || exists (@.health))' then
    begin
      perform private.add_reply_parts(jsonb_agg(i -> 'reply')) from jsonb_array_elements(items) i
      where i ? 'reply' and (i ->> 'hold_id')::uuid = any (closed);
    exception when data_exception or integrity_constraint_violation then
      null;
    end;
    begin
      perform private.report_health(jsonb_agg(i -> 'health')) from jsonb_array_elements(items) i
      where i ? 'health' and (i ->> 'hold_id')::uuid = any (closed);
    exception when data_exception or integrity_constraint_violation then
      null;
    end;
  end if;
  -- Last: chats of everybody change the row of a key's uses, and wait for each other until they are committed.
  if items @? '$[*].charges[*].credential_id ? (@ starts with "key:" || @ starts with "byok:")' then
    begin
      perform private.count_key_uses(array(
        select charge ->> 'credential_id'
        from jsonb_array_elements(items) i
        cross join lateral jsonb_array_elements(i -> 'charges') charge
        where (i ->> 'hold_id')::uuid = any (closed)
      ));
    exception when data_exception or integrity_constraint_violation then
      -- A key that is deleted in this moment.
      null;
    end;
  end if;

  return query
  select json_build_object(
    'hold_id', h.hold_id, 'is_known', h.state is not null, 'is_stored', h.hold_id <> all (unstored),
    'usage', h.usage, 'cost_nano', h.cost_nano, 'estimated', h.estimated, 'limits', h.limits
  )
  from private.describe_holds(hold_ids) h;
end;
$$;

comment on function public.settle_chats is
  'After the provider: posts the charges of each chat, releases its hold, adds its messages to the conversation, and answers with usage, cost and what is left of each limit; is_stored is false where the messages could not be added. Charges without usage are estimated from bytes. Twice is once.';

create function public.extend_chat(hold_id uuid, calls integer, provider text, provider_calls integer) returns boolean
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
begin
  perform private.lock_accounts(array(select h.user_id from private.holds h where h.id = extend_chat.hold_id));
  return private.extend_hold(hold_id, calls::smallint, provider, provider_calls::smallint);
end;
$$;

comment on function public.extend_chat is
  'Between two provider calls of a chat, of which the first cost money: holds for so many in all, and for so many to one provider. False where a limit does not allow it.';

revoke all on function public.settle_chats, public.extend_chat from public, anon, authenticated;
grant execute on function public.settle_chats, public.extend_chat to service_role;
