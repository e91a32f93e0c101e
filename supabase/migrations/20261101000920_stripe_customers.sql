-- Stripe customers: who of our callers is which of Stripe's customers, and whose turn it is to change something there.
--
-- Invariants
--   A caller has at most one customer that is not deleted, and a customer belongs to one caller for good.
--   Of two who would change a caller's billing at Stripe, one waits: no lock is held while Stripe is called, but a lease is.
--   Tickets order what is read at Stripe: whoever draws the later one read the later state.

-- Tables ------------------------------------------------------------------------------------------------------------

create sequence private.stripe_tickets;

create table private.stripe_customers (
  id text primary key check (char_length(id) between 1 and 255),
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  ticket bigint not null default 0,
  reconciled_at timestamptz not null default now()
);

comment on table private.stripe_customers is 'Customers at Stripe. Nothing else of them is kept: no name, no address, no card.';
comment on column private.stripe_customers.ticket is 'That of what was last read of their subscriptions.';
comment on column private.stripe_customers.reconciled_at is 'When it was last compared with Stripe by the nightly job.';

create unique index stripe_customers_one_alive on private.stripe_customers (user_id) where deleted_at is null;
create index stripe_customers_user on private.stripe_customers (user_id);
create index stripe_customers_reconciled on private.stripe_customers (reconciled_at) where deleted_at is null;

create table private.billing_leases (
  user_id uuid primary key references private.accounts (user_id) on delete cascade,
  id uuid not null,
  expires_at timestamptz not null
);

comment on table private.billing_leases is 'Who changes something at Stripe for a caller at the moment. Whoever dies meanwhile is waited for until it expires.';

create table private.billing_calls (
  user_id uuid primary key references private.accounts (user_id) on delete cascade,
  minute timestamptz not null,
  calls smallint not null
);

comment on table private.billing_calls is 'How often each caller had Stripe asked in the minute of the clock in which they last did.';

revoke all on private.stripe_customers, private.billing_leases, private.billing_calls from public, anon, authenticated, service_role;
grant select, insert, update on private.stripe_customers to service_role;
grant select, insert, update, delete on private.billing_leases to service_role;
grant select, insert, update on private.billing_calls to service_role;
revoke all on sequence private.stripe_tickets from public, anon, authenticated, service_role;
grant usage on sequence private.stripe_tickets to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.lease_billing(user_id uuid, lease_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  insert into private.billing_leases as l (user_id, id, expires_at)
  select a.user_id, lease_id, now() + interval '1 minute' from private.accounts a where a.user_id = user_id
  on conflict on constraint billing_leases_pkey do update set (id, expires_at) = (excluded.id, excluded.expires_at)
  where l.expires_at <= now();
  if not found then
    return case when exists (select from private.accounts a where a.user_id = user_id)
      then jsonb_build_object('refusal', 'SL49B') else jsonb_build_object('refusal', 'SL401') end;
  end if;
  return jsonb_build_object(
    'customer_id', (select c.id from private.stripe_customers c where c.user_id = user_id and c.deleted_at is null),
    'customers_before', (select count(*) from private.stripe_customers c where c.user_id = user_id and c.deleted_at is not null)
  );
end;
$$;

comment on function public.lease_billing is
  'Lets nobody else change the caller''s billing for a minute. Answers with the caller''s customer and how many there were before, or with a refusal (an SQLSTATE of ours) while somebody else does.';

create function public.release_billing(user_id uuid, lease_id uuid) returns boolean
language sql volatile security invoker set search_path = ''
as $$
  with released as (
    delete from private.billing_leases l where l.user_id = release_billing.user_id and l.id = lease_id returning l.id
  )
  select exists (select from released);
$$;

comment on function public.release_billing is 'Ends a lease. False for one that had expired.';

create function public.put_stripe_customer(user_id uuid, customer_id text) returns text
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  insert into private.stripe_customers (id, user_id) values (customer_id, user_id) on conflict do nothing;
  return (select c.id from private.stripe_customers c where c.user_id = user_id and c.deleted_at is null);
end;
$$;

comment on function public.put_stripe_customer is 'Makes this the caller''s customer unless there is one. Returns the one that counts.';

create function public.begin_billing_call(user_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  minute timestamptz := date_trunc('minute', now());
begin
  insert into private.billing_calls as c (user_id, minute, calls)
  select a.user_id, minute, 1 from private.accounts a where a.user_id = user_id
  on conflict on constraint billing_calls_pkey do update set
    minute = excluded.minute, calls = case when c.minute = excluded.minute then c.calls + 1 else 1 end
  where c.minute <> excluded.minute or c.calls < 60;
  if not found then
    return case when exists (select from private.accounts a where a.user_id = user_id)
      then jsonb_build_object('refusal', 'SL429', 'retry_after_seconds', ceil(extract(epoch from minute + interval '1 minute' - now())))
      else jsonb_build_object('refusal', 'SL401') end;
  end if;
  return jsonb_build_object(
    'customer_id', (select c.id from private.stripe_customers c where c.user_id = user_id and c.deleted_at is null)
  );
end;
$$;

comment on function public.begin_billing_call is
  'To be called before Stripe is asked for a caller, which they may have sixty times a minute: what Stripe allows is all callers'' together. Answers with the caller''s customer, or with a refusal (an SQLSTATE of ours).';

revoke all on function public.lease_billing, public.release_billing, public.put_stripe_customer, public.begin_billing_call
  from public, anon, authenticated;
grant execute on function public.lease_billing, public.release_billing, public.put_stripe_customer, public.begin_billing_call to service_role;
