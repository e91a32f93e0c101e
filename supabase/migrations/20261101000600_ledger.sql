-- Ledger: what every provider call cost.
--
-- Invariants
--   Every provider call that may cost money has exactly one ledger row. The ledger is never edited: corrections and refunds are rows.
--   All rows of a hold lie in one partition, that of the month in which it was placed, so that its key is unique over all of them.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.ledger_entry as enum ('charge', 'correction', 'refund');
create type private.charge_outcome as enum ('completed', 'interrupted', 'expired');

comment on type private.charge_outcome is
  'completed: the provider finished its answer; interrupted: it was cut; expired: nobody reported back, so what was surely sent is charged.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.ledger (
  hold_id uuid not null,
  attempt smallint not null check (attempt >= 0),
  entry private.ledger_entry not null,
  held_at timestamptz not null,
  outcome private.charge_outcome not null,
  estimated boolean not null,
  is_byok boolean not null,
  user_id uuid not null,
  plan_id text not null,
  conversation_id uuid,
  api_key_id uuid,
  model_id text,
  provider text not null,
  upstream_model text,
  credential_id text,
  price_id bigint,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  cost_nano bigint not null,
  created_at timestamptz not null default now(),
  primary key (hold_id, attempt, entry, held_at),
  check (entry <> 'charge' or least(input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost_nano) >= 0),
  check (abs(reasoning_tokens) <= abs(output_tokens)),
  check (not is_byok or cost_nano = 0),
  check ((model_id is null) = (price_id is null) and (model_id is null) = (upstream_model is null))
) partition by range (held_at);

comment on table private.ledger is
  'What every provider call cost, a partition for each month (UTC). Append-only. No foreign keys: it outlives callers, models and prices.';
comment on column private.ledger.attempt is 'The provider call within the request, from 1; 0 for a hold that expired.';
comment on column private.ledger.held_at is 'When the hold was placed: holds.created_at.';
comment on column private.ledger.estimated is 'True where the provider reported no usage and tokens were estimated from the text.';
comment on column private.ledger.is_byok is 'Paid for with the caller''s own provider key.';
comment on column private.ledger.api_key_id is 'The caller''s API key that it was asked for with.';
comment on column private.ledger.credential_id is 'The provider key that it was called with: see key_cooldowns.key_id. Null where nobody reported back, and for services.';
comment on column private.ledger.provider is 'Who was called: a provider, or another service of the app, which has no model and says itself what it cost.';
comment on column private.ledger.input_tokens is 'Neither read from nor written to the cache: the buckets do not overlap.';
comment on column private.ledger.reasoning_tokens is 'Part of output_tokens, shown separately.';
comment on column private.ledger.cost_nano is 'Nano-USD (1e-9 USD), rounded up once per provider call.';

create index ledger_user on private.ledger (user_id, held_at);
create index ledger_held on private.ledger using brin (held_at);

create trigger ledger_append_only before update or delete or truncate on private.ledger
  for each statement execute function private.refuse_change();

revoke all on private.ledger from public, anon, authenticated, service_role;
grant select, insert on private.ledger to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.create_ledger_partition(at timestamptz) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  month timestamp := date_trunc('month', at at time zone 'UTC');
  name text := 'ledger_' || to_char(month, 'YYYY_MM');
begin
  perform pg_advisory_xact_lock(hashtext('private.ledger'));
  if to_regclass('private.' || name) is not null then
    return;
  end if;
  -- Attached when it is complete: that does not wait for those who read or write the other months.
  execute format('create table private.%I (like private.ledger including all)', name);
  execute format('revoke all on private.%I from public, anon, authenticated, service_role', name);
  execute format(
    'create trigger ledger_append_only before update or delete or truncate on private.%I for each statement execute function private.refuse_change()',
    name
  );
  execute format(
    'alter table private.ledger attach partition private.%I for values from (%L) to (%L)',
    name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC'
  );
end;
$$;

comment on function private.create_ledger_partition is
  'Makes the partition of the month (UTC) that contains a moment. Twice is once. Definer, because those who hold own nothing.';

create function private.ensure_ledger_partition() returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if to_regclass('private.ledger_' || to_char(now() at time zone 'UTC', 'YYYY_MM')) is null then
    perform private.create_ledger_partition(now());
  end if;
end;
$$;

comment on function private.ensure_ledger_partition is
  'Before anything is held: what is charged for it goes into the partition of this month, also where no schedule made it.';

create function private.detach_ledger_partitions(before timestamptz) returns text[]
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
declare
  partition text;
  detached text[] := '{}';
begin
  for partition in
    select c.relname
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    cross join lateral (
      select to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC' as begins
    ) month
    where i.inhparent = 'private.ledger'::regclass and month.begins + interval '1 month' <= before
      -- What is still to be settled, or may be, needs its month.
      and not exists (
        select from private.holds h
        where h.created_at >= month.begins and h.created_at < month.begins + interval '1 month' and h.state <> 'settled'
      )
    order by c.relname
  loop
    execute format('alter table private.ledger detach partition private.%I', partition);
    detached := detached || partition;
  end loop;
  return detached;
end;
$$;

comment on function private.detach_ledger_partitions is
  'Takes months that were over before a moment out of the ledger, but for those of which a hold may still be settled. Their tables stay, to be archived and dropped by hand. Returns their names. Gives up where somebody reads the ledger for long, because everybody would wait behind it.';

revoke all on function private.create_ledger_partition, private.ensure_ledger_partition, private.detach_ledger_partitions from public;
grant execute on function private.create_ledger_partition, private.ensure_ledger_partition to service_role;

select private.create_ledger_partition(now());
