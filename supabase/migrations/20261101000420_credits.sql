-- Credits: money that a caller has paid for in advance, and that pays for what goes beyond the plan's budget of the month.
--
-- Invariants
--   A grant's amount = consumed + expired + revoked + what is left; its entries are never edited, corrections are entries.
--   One source (a payment, an invoice, a promotion) grants once.
--   Credits follow costs: an amount that is settled takes from them only what goes beyond the budget, and never more than itself.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.credit_entry as enum ('grant', 'consume', 'return', 'expire', 'revoke', 'restore');

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.credit_grants (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  source_kind text not null check (char_length(source_kind) between 1 and 40),
  source_id text not null check (char_length(source_id) between 1 and 200),
  amount_nano bigint not null check (amount_nano > 0),
  left_nano bigint not null check (left_nano between 0 and amount_nano),
  priority smallint not null default 0,
  expires_at timestamptz not null default 'infinity',
  revoked_nano bigint not null default 0 check (revoked_nano between 0 and amount_nano),
  owed_nano bigint not null default 0 check (owed_nano between 0 and amount_nano),
  created_at timestamptz not null default now(),
  unique (source_kind, source_id)
);

comment on table private.credit_grants is 'Credits, in nano-USD (1e-9 USD). Consumed by priority (the lowest first), then those that expire first.';
comment on column private.credit_grants.source_kind is 'What granted it, such as stripe_payment; with source_id it grants once.';
comment on column private.credit_grants.left_nano is 'The sum of its entries.';
comment on column private.credit_grants.revoked_nano is 'What was taken back, because its payment was refunded or is disputed.';
comment on column private.credit_grants.owed_nano is 'What is to be taken back still, and was consumed before: it is taken from what is returned to the grant later.';
comment on column private.credit_grants.expires_at is 'From then on nothing new is paid from it; what was held before still is.';

create index credit_grants_user on private.credit_grants (user_id);

create table private.credit_entries (
  id bigint generated always as identity primary key,
  grant_id uuid not null,
  user_id uuid not null,
  entry private.credit_entry not null,
  amount_nano bigint not null check ((amount_nano > 0) = (entry in ('grant', 'return', 'restore')) and amount_nano <> 0),
  hold_id uuid check ((hold_id is not null) = (entry in ('consume', 'return'))),
  created_at timestamptz not null default now()
);

comment on table private.credit_entries is
  'What became of each grant. Append-only. No foreign keys: it outlives callers.';
comment on column private.credit_entries.amount_nano is 'Nano-USD: what is granted, returned and restored is positive, what is consumed, expires or is revoked negative.';

create index credit_entries_grant on private.credit_entries (grant_id);
create index credit_entries_hold on private.credit_entries (hold_id) where hold_id is not null;

create trigger credit_entries_append_only before update or delete or truncate on private.credit_entries
  for each statement execute function private.refuse_change();

revoke all on private.credit_grants, private.credit_entries from public, anon, authenticated, service_role;
grant select, insert, update (left_nano, revoked_nano, owed_nano) on private.credit_grants to service_role;
grant select, insert on private.credit_entries to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.grant_credit(
  user_id uuid, source_kind text, source_id text, amount_nano bigint, priority smallint default 0,
  expires_at timestamptz default 'infinity'
) returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  granted uuid;
begin
  perform private.lock_accounts(array[user_id]);
  insert into private.credit_grants as g (user_id, source_kind, source_id, amount_nano, left_nano, priority, expires_at)
  values (user_id, source_kind, source_id, amount_nano, amount_nano, priority, expires_at)
  on conflict on constraint credit_grants_source_kind_source_id_key do nothing
  returning g.id into granted;
  insert into private.credit_entries (grant_id, user_id, entry, amount_nano)
  select granted, user_id, 'grant', amount_nano where granted is not null;
  return coalesce(
    granted, (select g.id from private.credit_grants g where g.source_kind = source_kind and g.source_id = source_id)
  );
end;
$$;

comment on function private.grant_credit is 'Adds credits, once for each source. Returns the grant, also where it was there before.';

create function private.take_credit(user_id uuid, hold_id uuid, held_at timestamptz, amount_nano bigint) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  taken bigint;
begin
  with ordered as (
    select
      g.id, g.left_nano,
      sum(g.left_nano) over (order by g.priority, g.expires_at, g.created_at, g.id) - g.left_nano as before
    from private.credit_grants g
    where g.user_id = user_id and g.left_nano > 0 and g.expires_at > held_at
  ),
  part as (
    select o.id, least(o.left_nano, amount_nano - o.before) as nano from ordered o where o.before < amount_nano
  ),
  paid as (
    update private.credit_grants g set left_nano = g.left_nano - part.nano from part where g.id = part.id
  ),
  noted as (
    insert into private.credit_entries (grant_id, user_id, entry, amount_nano, hold_id)
    select part.id, user_id, 'consume', -part.nano, hold_id from part
  )
  select coalesce(sum(part.nano), 0) into taken from part;
  return taken;
end;
$$;

comment on function private.take_credit is
  'Pays so much for a hold from the grants that counted when it was placed. Returns what there was. The caller must be locked (lock_accounts).';

create function private.return_credit(hold_id uuid, amount_nano bigint) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  returned bigint;
begin
  with consumed as (
    select e.grant_id, e.user_id, -sum(e.amount_nano) as nano, max(e.id) as latest
    from private.credit_entries e
    where e.hold_id = hold_id
    group by 1, 2
    having sum(e.amount_nano) < 0
  ),
  ordered as (
    select c.*, sum(c.nano) over (order by c.latest desc) - c.nano as before from consumed c
  ),
  part as (
    select o.grant_id, o.user_id, least(o.nano, amount_nano - o.before) as nano from ordered o where o.before < amount_nano
  ),
  split as (
    select part.*, least(part.nano, g.owed_nano) as revoked_nano from part join private.credit_grants g on g.id = part.grant_id
  ),
  revoked as (
    insert into private.credit_entries (grant_id, user_id, entry, amount_nano)
    select s.grant_id, s.user_id, 'revoke', -s.revoked_nano from split s where s.revoked_nano > 0
  ),
  given as (
    update private.credit_grants g set
      left_nano = g.left_nano + s.nano - s.revoked_nano,
      revoked_nano = g.revoked_nano + s.revoked_nano,
      owed_nano = g.owed_nano - s.revoked_nano
    from split s
    where g.id = s.grant_id
  ),
  noted as (
    insert into private.credit_entries (grant_id, user_id, entry, amount_nano, hold_id)
    select part.grant_id, part.user_id, 'return', part.nano, hold_id from part
  )
  select coalesce(sum(part.nano), 0) into returned from part;
  return returned;
end;
$$;

comment on function private.return_credit is
  'Gives back up to so much of what a hold consumed, the last of it first. Returns how much. The caller must be locked (lock_accounts).';

create function private.revoke_credit(source_kind text, source_id text, amount_nano bigint default null) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  given private.credit_grants;
  change bigint;
  taken bigint;
begin
  select g.* into given from private.credit_grants g where g.source_kind = source_kind and g.source_id = source_id;
  if not found then
    return 0;
  end if;
  perform private.lock_accounts(array[given.user_id]);
  select g.* into strict given from private.credit_grants g where g.id = given.id;
  change := least(coalesce(amount_nano, given.amount_nano), given.amount_nano) - given.revoked_nano - given.owed_nano;
  if change >= 0 then
    taken := least(given.left_nano, change);
    given.owed_nano := given.owed_nano + change - taken;
  else
    -- What is owed is forgiven before what was taken is given back.
    taken := least(change + least(given.owed_nano, -change), 0);
    given.owed_nano := given.owed_nano + change - taken;
  end if;
  update private.credit_grants g set
    left_nano = g.left_nano - taken, revoked_nano = g.revoked_nano + taken, owed_nano = given.owed_nano
  where g.id = given.id and change <> 0;
  insert into private.credit_entries (grant_id, user_id, entry, amount_nano)
  select given.id, given.user_id, case when taken > 0 then 'revoke' else 'restore' end::private.credit_entry, -taken
  where taken <> 0;
  return taken;
end;
$$;

comment on function private.revoke_credit is
  'Has so much of a grant be taken back in all, because so much of its payment was refunded or is disputed; all of it where no amount is named. What was consumed stays owed; a smaller amount than before gives back. Returns what that took, negative for what it gave. Twice is once.';

create function private.expire_credits(most integer) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  expired integer;
  grant_ids uuid[];
begin
  grant_ids := array(
    -- Not before every hold that it was counted for has been settled or has expired.
    select g.id
    from private.credit_grants g
    join private.accounts a on a.user_id = g.user_id
    where g.left_nano > 0 and g.expires_at <= now() - interval '10 minutes'
      and not exists (
        select from private.holds h where h.user_id = g.user_id and h.state = 'pending' and h.created_at < g.expires_at
      )
    order by g.user_id, g.id
    limit most
    for no key update of a skip locked
  );
  -- In statements of their own, now that the callers are locked.
  insert into private.credit_entries (grant_id, user_id, entry, amount_nano)
  select g.id, g.user_id, 'expire', -g.left_nano from private.credit_grants g where g.id = any (grant_ids) and g.left_nano > 0;
  update private.credit_grants g set left_nano = 0 where g.id = any (grant_ids) and g.left_nano > 0;
  get diagnostics expired = row_count;
  return expired;
end;
$$;

comment on function private.expire_credits is
  'Writes off what has expired, so many grants at a time. Nothing depends on it: what has expired pays for nothing new. Returns how many grants it wrote off.';

revoke all on function private.grant_credit, private.take_credit, private.return_credit, private.revoke_credit, private.expire_credits
  from public;
grant execute on function private.grant_credit, private.take_credit, private.return_credit, private.revoke_credit to service_role;
