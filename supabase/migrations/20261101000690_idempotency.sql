-- Idempotency: a request that is sent again under the same key is made and paid for once.
--
-- Invariant: a caller's key names one hold for a day, unless nothing came of that hold and nothing was charged.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.repetition as (hold_id uuid, refusal text, request_id uuid);

comment on type private.repetition is
  'A request that is not made: an SQLSTATE of ours, or null for one that is to be answered as the request was that it repeats.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.idempotency_keys (
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  key text not null check (char_length(key) between 1 and 300),
  body_hash text not null,
  hold_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);

comment on table private.idempotency_keys is 'Which request a key of a caller stands for.';
comment on column private.idempotency_keys.key is 'As the client sent it; behind its name and a blank, where a service of the app did.';
comment on column private.idempotency_keys.body_hash is 'Of the body that came with it: another body is another request.';
comment on column private.idempotency_keys.hold_id is 'The request. Its hold is not there where it was refused.';

create index idempotency_keys_created on private.idempotency_keys using brin (created_at);

revoke all on private.idempotency_keys from public, anon, authenticated, service_role;
grant select, insert, update on private.idempotency_keys to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.claim_keys(items jsonb) returns setof private.repetition
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with item as materialized (
    select i.*
    from rows from (
      jsonb_to_recordset(items) as (hold_id uuid, user_id uuid, idempotency_key text, body_hash text)
    ) with ordinality as i
    join private.accounts a on a.user_id = i.user_id
    where i.idempotency_key is not null
  ),
  claimed as (
    insert into private.idempotency_keys as k (user_id, key, body_hash, hold_id)
    select distinct on (i.user_id, i.idempotency_key) i.user_id, i.idempotency_key, i.body_hash, i.hold_id
    from item i
    order by i.user_id, i.idempotency_key, i.ordinality
    on conflict (user_id, key) do update set body_hash = excluded.body_hash, hold_id = excluded.hold_id, created_at = now()
    where k.created_at < now() - interval '1 day' or not exists (
      select from private.holds h
      -- What an expiry had charged and a late report took back is no charge. What a service has released stays released.
      where h.id = k.hold_id and (h.state <> 'settled' or h.service is not null or (
        select count(*) filter (where l.entry = 'charge') > count(*) filter (where l.entry = 'correction')
        from private.ledger l
        where l.hold_id = h.id and l.held_at = h.created_at
      ))
    )
    returning k.user_id, k.key, k.hold_id, k.body_hash
  )
  select
    i.hold_id,
    case
      when coalesce(c.body_hash, k.body_hash) <> i.body_hash then 'SL422'
      when hold.id is null or hold.state = 'pending' then 'SL409'
    end,
    coalesce(c.hold_id, k.hold_id)
  from item i
  left join claimed c on c.user_id = i.user_id and c.key = i.idempotency_key
  left join private.idempotency_keys k on k.user_id = i.user_id and k.key = i.idempotency_key
  left join private.holds hold on hold.id = coalesce(c.hold_id, k.hold_id)
  where coalesce(c.hold_id, k.hold_id) <> i.hold_id;
end;
$$;

comment on function private.claim_keys is
  'Of requests with an idempotency key those that are not to be made: refusals (the key stands for another body, or its request is still running), or replays of one that is over. Of equal keys the first counts. The callers must be locked (lock_accounts), and what has expired be released.';

revoke all on function private.claim_keys from public;
grant execute on function private.claim_keys to service_role;
