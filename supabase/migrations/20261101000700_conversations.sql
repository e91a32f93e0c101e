-- Conversations: what was said, kept for the person who said it.
--
-- Invariant: messages of a conversation are numbered 1, 2, 3 … without gaps, and conversations.message_count is the last number.

-- Types -------------------------------------------------------------------------------------------------------------

create type public.message_role as enum ('system', 'user', 'assistant', 'tool');
create type public.finish_reason as enum ('stop', 'length', 'content_filter', 'tool_calls', 'interrupted');

comment on type public.finish_reason is
  'Why an answer ended: stop, tool_calls and content_filter are the model''s or provider''s decision, length is the limit, interrupted means that it was cut.';

create type private.message as (
  role public.message_role, content text, parts jsonb, tool_calls jsonb, tool_call_id text, continuation text, finish_reason public.finish_reason
);

create type private.turn as (
  conversation_id uuid, user_id uuid, hold_id uuid, model_id text, messages private.message[]
);

comment on type private.turn is 'What one request adds to a conversation: nothing where it failed.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table public.conversations (
  id uuid primary key,
  -- Not the profile: whoever adds a conversation has locked the account, and deleting a person locks from the profile to the account.
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  title text not null check (char_length(title) between 1 and 200),
  message_count integer not null default 0 check (message_count >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.conversations is 'Readable by the person it belongs to; renamed and deleted through ai-chat.';
comment on column public.conversations.updated_at is 'When the last turn was added.';

create index conversations_user on public.conversations (user_id, updated_at desc, id desc);

create table public.messages (
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  position integer not null check (position > 0),
  role public.message_role not null,
  content text not null,
  parts jsonb check (parts is null or role = 'user'),
  tool_calls jsonb check (tool_calls is null or role = 'assistant'),
  tool_call_id text check ((tool_call_id is not null) = (role = 'tool')),
  continuation text check (continuation is null or role = 'assistant'),
  finish_reason public.finish_reason check (finish_reason is null or role = 'assistant'),
  model_id text,
  request_id uuid not null,
  created_at timestamptz not null default now(),
  -- Stored, because the history of a chat is measured before it is read: to measure images anew takes seconds.
  text_bytes integer not null generated always as (
    octet_length(content) + coalesce(octet_length(tool_calls::text), 0) + coalesce(octet_length(tool_call_id), 0)
    + coalesce(octet_length(continuation), 0)
  ) stored,
  image_bytes integer not null generated always as (coalesce(octet_length(parts::text), 0)) stored,
  images integer not null generated always as (
    case when parts is null then 0 else jsonb_array_length(jsonb_path_query_array(parts, '$[*] ? (@.type == "image")')) end
  ) stored,
  primary key (conversation_id, position)
);

comment on column public.messages.content is 'The text.';
comment on column public.messages.parts is 'Texts and images in their order, where there are images.';
comment on column public.messages.tool_calls is 'The tools that the model asked for: id, name and arguments of each.';
comment on column public.messages.tool_call_id is 'The call of which this is the result.';
comment on column public.messages.continuation is 'What the provider wants back with the results of its tool calls.';
comment on column public.messages.text_bytes is 'Bytes of what a provider makes tokens of.';
comment on column public.messages.image_bytes is 'Bytes of the parts.';
comment on column public.messages.model_id is 'The model that wrote an answer.';
comment on column public.messages.finish_reason is 'Of answers of ours; null also for those that the caller brought along.';
comment on column public.messages.request_id is 'The request that added the message: the id of its hold and of its ledger rows.';

alter table public.conversations enable row level security;
alter table public.messages enable row level security;

revoke all on public.conversations, public.messages from public, anon, authenticated, service_role;
grant select on public.conversations, public.messages to authenticated;
grant select, insert, update, delete on public.conversations to service_role;
grant select, insert on public.messages to service_role;

create policy "People read their own conversations" on public.conversations
  for select to authenticated
  using (user_id = (select auth.uid()));

create policy "People read the messages of their own conversations" on public.messages
  for select to authenticated
  using (conversation_id in (select id from public.conversations where user_id = (select auth.uid())));

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.load_history(conversation_id uuid, max_bytes bigint)
returns table (messages json, bytes bigint, count integer, images integer, tool_calls integer)
language sql stable strict security invoker set search_path = ''
as $$
  select
    coalesce(
      json_agg(
        json_strip_nulls(json_build_object(
          'role', m.role, 'content', m.content, 'parts', m.parts, 'tool_calls', m.tool_calls, 'tool_call_id', m.tool_call_id,
          'continuation', m.continuation
        ))
        order by m.position
      ),
      '[]'
    ),
    coalesce(sum(m.text_bytes), 0)::bigint,
    count(*)::integer,
    coalesce(sum(m.images), 0)::integer,
    coalesce(sum(jsonb_array_length(m.tool_calls)), 0)::integer
  from (
    select
      n.position,
      sum(n.text_bytes + n.image_bytes) over (order by n.is_instruction desc, n.position desc) as bytes_so_far
    from (
      (select position, text_bytes, image_bytes, false as is_instruction
      from public.messages
      where messages.conversation_id = load_history.conversation_id and not (position = 1 and role = 'system')
      order by position desc
      limit 200)
      union all
      select position, text_bytes, image_bytes, true
      from public.messages
      where messages.conversation_id = load_history.conversation_id and position = 1 and role = 'system'
    ) n
  ) newest
  join public.messages m on m.conversation_id = load_history.conversation_id and m.position = newest.position
  where newest.bytes_so_far <= max_bytes;
$$;

comment on function private.load_history is
  'The system message that a conversation begins with, and the newest messages, at most 200, that fit into so many bytes with it: whole ones, in order, with the bytes of their text and the number of their images and tool calls. One row.';

revoke all on function private.load_history from public;
grant execute on function private.load_history to service_role;

create function private.append_turns(turns private.turn[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  with conversation as (
    -- One that was deleted in the meantime stays deleted.
    update public.conversations c
    set message_count = c.message_count + t.added, updated_at = now()
    from (
      select conversation_id, user_id, sum(cardinality(messages)) as added from unnest(turns) group by 1, 2
    ) t
    where c.id = t.conversation_id and c.user_id = t.user_id and t.added > 0
    returning c.id, c.message_count
  ),
  numbered as (
    select t.conversation_id, t.hold_id, t.model_id, m.*,
      row_number() over (partition by t.conversation_id order by t.hold_id, m.place desc) as from_last
    from unnest(turns) t
    cross join lateral unnest(t.messages) with ordinality
      as m (role, content, parts, tool_calls, tool_call_id, continuation, finish_reason, place)
  )
  insert into public.messages (
    conversation_id, position, role, content, parts, tool_calls, tool_call_id, continuation, finish_reason, model_id, request_id
  )
  select
    n.conversation_id, c.message_count - n.from_last + 1, n.role, n.content, n.parts, n.tool_calls, n.tool_call_id, n.continuation,
    n.finish_reason,
    case when n.finish_reason is not null then n.model_id end, n.hold_id
  from numbered n
  join conversation c on c.id = n.conversation_id;

  -- The last chat that comes to nothing takes an empty conversation with it.
  if exists (select from unnest(turns) t where cardinality(t.messages) = 0) then
    delete from public.conversations c
    using unnest(turns) t
    where c.id = t.conversation_id and c.user_id = t.user_id and cardinality(t.messages) = 0 and c.message_count = 0
      and not exists (
        select from private.holds h where h.user_id = c.user_id and h.state = 'pending' and h.conversation_id = c.id
      );
  end if;
end;
$$;

comment on function private.append_turns is 'Adds the turns of callers who are locked (lock_accounts), so that numbers are given one after the other.';

revoke all on function private.append_turns from public;
grant execute on function private.append_turns to service_role;
