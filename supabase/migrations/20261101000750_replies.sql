-- Replies: what a client that lost its connection comes back for.
--
-- Invariant: the parts of a reply, in their order, are the reply as far as it has been written down. They are kept for a day.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.reply_parts (
  request_id uuid not null,
  part integer not null check (part > 0),
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  conversation_id uuid references public.conversations (id) on delete cascade,
  attempt smallint not null check (attempt > 0),
  content text not null,
  reasoning text not null,
  tool_calls jsonb,
  continuation text,
  finish_reason public.finish_reason,
  created_at timestamptz not null default now(),
  primary key (request_id, part)
);

comment on table private.reply_parts is
  'Replies as they grow: about one row a second and reply, and none for a reply that is over sooner and stands in a conversation.';
comment on column private.reply_parts.request_id is 'The id of the request: of its hold.';
comment on column private.reply_parts.attempt is 'The provider call that wrote it. A later attempt takes back what earlier ones wrote.';
comment on column private.reply_parts.content is 'What came since the part before.';
comment on column private.reply_parts.reasoning is 'What came since the part before.';
comment on column private.reply_parts.tool_calls is 'All tool calls of the attempt so far: id, name and arguments of each. Null where there are none.';
comment on column private.reply_parts.finish_reason is 'Of the last part of a reply that is over.';

create index reply_parts_user on private.reply_parts (user_id);
create index reply_parts_conversation on private.reply_parts (conversation_id);
create index reply_parts_created on private.reply_parts (created_at);

revoke all on private.reply_parts from public, anon, authenticated, service_role;
grant select, insert, update, delete on private.reply_parts to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.add_reply_parts(items jsonb) returns void
language plpgsql volatile strict security invoker set search_path = ''
as $$
begin
  insert into private.reply_parts as p (
    request_id, part, user_id, conversation_id, attempt, content, reasoning, tool_calls, continuation, finish_reason
  )
  select i.hold_id, i.part, h.user_id, h.conversation_id, i.attempt, i.content, i.reasoning, i.tool_calls, i.continuation, i.finish_reason
  from jsonb_to_recordset(items) as i (
    hold_id uuid, part integer, attempt smallint, content text, reasoning text, tool_calls jsonb, continuation text,
    finish_reason public.finish_reason
  )
  join private.holds h on h.id = i.hold_id
  join private.accounts a on a.user_id = h.user_id
  -- What was said in a conversation goes with it.
  left join public.conversations c on c.id = h.conversation_id
  where h.conversation_id is null or c.id is not null
  -- A part whose writing is in doubt comes again, perhaps longer; the last part is never overtaken by an earlier one.
  on conflict (request_id, part) do update set
    content = excluded.content, reasoning = excluded.reasoning, tool_calls = excluded.tool_calls,
    continuation = excluded.continuation, finish_reason = excluded.finish_reason
  where p.finish_reason is null
    and length(p.content) + length(p.reasoning) <= length(excluded.content) + length(excluded.reasoning);
  -- Calls of tools are told in full: those of the part before have had their day.
  update private.reply_parts p set tool_calls = null
  from jsonb_to_recordset(items) as i (hold_id uuid, part integer, attempt smallint, tool_calls jsonb)
  where p.request_id = i.hold_id and p.part < i.part and p.attempt = i.attempt and p.tool_calls is not null
    and jsonb_typeof(i.tool_calls) = 'array';
  -- Some of what is too old goes with every call, because no schedule may run: whole replies, none by halves, and
  -- by one call at a time, because two could take parts of one reply and wait for each other.
  if pg_try_advisory_xact_lock(hashtext('private.reply_parts')) then
    delete from private.reply_parts
    where request_id in (
      select old.request_id from private.reply_parts old
      where old.created_at < now() - interval '1 day'
        and not exists (
          select from private.reply_parts newer
          where newer.request_id = old.request_id and newer.created_at >= now() - interval '1 day'
        )
        -- What a dead function left is charged by them.
        and not exists (select from private.holds h where h.id = old.request_id and h.state = 'pending')
      order by old.created_at
      limit 50
    );
  end if;
end;
$$;

comment on function private.add_reply_parts is 'Writes down more of the replies of these requests. Twice is once.';

create function public.save_reply_parts(items jsonb) returns setof uuid
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform private.add_reply_parts(items);
  return query select (i ->> 'hold_id')::uuid from jsonb_array_elements(items) i;
end;
$$;

comment on function public.save_reply_parts is 'While a reply grows: writes down what came since the last call, for many replies at once.';

create function public.find_request(user_id uuid, request_id uuid) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'id', h.id,
    'state', case
      when h.state = 'pending' and h.expires_at > now() then 'running'
      when bill.outcome = 'completed' then 'completed'
      when bill.outcome is null and h.state = 'settled' then 'failed'
      else 'interrupted'
    end,
    'conversation_id', h.conversation_id, 'model', h.model_id, 'created_at', h.created_at,
    'attempt', coalesce(reply.attempt, nullif(bill.attempt, 0)), 'provider', bill.provider,
    'content', coalesce(reply.content, answer.content, ''),
    'reasoning', coalesce(reply.reasoning, ''),
    'tool_calls', coalesce(reply.tool_calls, answer.tool_calls, '[]'),
    'continuation', coalesce(reply.continuation, answer.continuation),
    'finish_reason', coalesce(reply.finish_reason, answer.finish_reason),
    'usage', bill.usage, 'cost_nano', bill.cost_nano, 'estimated', bill.estimated
  )
  from private.holds h
  left join lateral (
    select
      max(l.attempt) as attempt, (array_agg(l.outcome order by l.attempt desc))[1] as outcome,
      (array_agg(l.provider order by l.attempt desc))[1] as provider, bool_or(l.estimated) as estimated, sum(l.cost_nano) as cost_nano,
      json_build_object(
        'input_tokens', sum(l.input_tokens), 'cache_read_tokens', sum(l.cache_read_tokens),
        'cache_write_tokens', sum(l.cache_write_tokens), 'output_tokens', sum(l.output_tokens),
        'reasoning_tokens', sum(l.reasoning_tokens)
      ) as usage
    from private.ledger l
    where l.hold_id = h.id and l.held_at = h.created_at
      and not exists (
        select from private.ledger c
        where c.hold_id = l.hold_id and c.held_at = l.held_at and c.attempt = l.attempt and c.entry = 'correction'
      )
    having count(*) > 0
  ) bill on true
  left join lateral (
    select
      p.attempt, string_agg(p.content, '' order by p.part) as content, string_agg(p.reasoning, '' order by p.part) as reasoning,
      (array_agg(p.tool_calls order by p.part desc))[1] as tool_calls,
      (array_agg(p.continuation order by p.part desc))[1] as continuation,
      (array_agg(p.finish_reason order by p.part desc))[1] as finish_reason
    from private.reply_parts p
    where p.request_id = h.id
    group by p.attempt
    -- Once it is settled, a reply without its end is none.
    having (h.state <> 'settled' or bool_or(p.finish_reason is not null)) and max(p.created_at) > now() - interval '1 day'
    order by p.attempt desc
    limit 1
  ) reply on true
  left join lateral (
    select m.content, m.tool_calls, m.continuation, m.finish_reason
    from public.messages m
    where m.conversation_id = h.conversation_id and m.request_id = h.id and m.finish_reason is not null
  ) answer on h.state <> 'pending'
  where h.id = find_request.request_id and h.user_id = find_request.user_id and h.service is null
    -- What is gone, with its conversation or after its day, is not told as an empty reply.
    and case
      when bill.outcome is null then true
      when h.conversation_id is null then reply.content is not null
      else exists (select from public.conversations c where c.id = h.conversation_id)
    end;
$$;

comment on function public.find_request is
  'How a request stands and its reply so far; null where this caller made no such request, or its reply is no longer kept. interrupted: the reply broke off, or nobody reported back.';

revoke all on function private.add_reply_parts, public.save_reply_parts, public.find_request from public, anon, authenticated;
grant execute on function private.add_reply_parts, public.save_reply_parts, public.find_request to service_role;
