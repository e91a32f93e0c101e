-- Payments: what callers paid at Stripe, what of it was taken back, and the credits that were bought.
--
-- Invariants
--   A payment has one row, and grants its credits once, whichever notices of it arrive in whatever order: both are made in one transaction.
--   A purchase that is paid in parts grants its credits in the share of each.
--   Credits of a payment are taken back in the share of it that is refunded or disputed, and given back where a dispute is won.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.payments (
  id text primary key check (char_length(id) between 1 and 255),
  ticket bigint not null,
  user_id uuid not null,
  customer_id text not null,
  subscription_id text,
  plan_id text,
  credit_nano bigint not null default 0 check (credit_nano >= 0),
  currency text not null check (currency ~ '^[a-z]{3}$'),
  amount bigint not null check (amount > 0),
  refunded bigint not null default 0 check (refunded between 0 and amount),
  disputed bigint not null default 0 check (disputed >= 0),
  paid_at timestamptz not null
);

comment on table private.payments is 'Payments as they stand at Stripe. No foreign keys: they outlive callers, customers and plans.';
comment on column private.payments.id is 'Stripe''s payment intent.';
comment on column private.payments.ticket is 'That of what was last read of it.';
comment on column private.payments.plan_id is 'What the subscription gave when it was paid; null for what was no subscription''s.';
comment on column private.payments.credit_nano is 'The credits that were bought with it, in nano-USD.';
comment on column private.payments.amount is 'In the currency''s smallest unit, as are refunded and disputed.';
comment on column private.payments.disputed is 'What is disputed, or was lost to a dispute.';

create index payments_user on private.payments (user_id, paid_at);
create index payments_paid on private.payments (paid_at);

revoke all on private.payments from public, anon, authenticated, service_role;
grant select, insert, update on private.payments to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.put_payment(customer private.stripe_customers, ticket bigint, payment jsonb) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  given private.payments := jsonb_populate_record(null::private.payments, payment);
  known private.payments;
  lost bigint;
  changes boolean;
begin
  select p.* into known from private.payments p where p.id = given.id;
  given.ticket := greatest(known.ticket, ticket);
  if known.ticket >= ticket then
    given.refunded := known.refunded;
    given.disputed := known.disputed;
  end if;
  -- What it bought is settled by whoever finds it first, also if something else was read later: Stripe may link an invoice after its
  -- payment. A price that changes later changes nothing that was paid.
  given.credit_nano := coalesce(nullif(known.credit_nano, 0), (
    select floor(sum(p.credit_nano * line.quantity) * least(given.amount::numeric / coalesce((payment ->> 'purchase_total')::numeric, given.amount), 1))
    from jsonb_to_recordset(payment -> 'lines') line (price_id text, quantity bigint)
    join private.billing_prices p on p.id = line.price_id
    where p.credit_nano is not null
  ), 0);
  given.subscription_id := coalesce(known.subscription_id, given.subscription_id);
  given.plan_id := coalesce(known.plan_id, (select s.plan_id from private.subscriptions s where s.id = given.subscription_id));
  changes := (known.credit_nano, known.refunded, known.disputed) is distinct from (given.credit_nano, given.refunded, given.disputed);
  insert into private.payments as p (
    id, ticket, user_id, customer_id, subscription_id, plan_id, credit_nano, currency, amount, refunded, disputed, paid_at
  ) values (
    given.id, given.ticket, customer.user_id, customer.id, given.subscription_id, given.plan_id, given.credit_nano, given.currency, given.amount,
    given.refunded, given.disputed, given.paid_at
  )
  on conflict (id) do update set
    (ticket, subscription_id, plan_id, credit_nano, refunded, disputed) = (
      excluded.ticket, excluded.subscription_id, excluded.plan_id, excluded.credit_nano, excluded.refunded, excluded.disputed
    );
  lost := least(given.refunded + given.disputed, given.amount);
  if given.credit_nano > 0 then
    perform private.grant_credit(customer.user_id, 'stripe_payment', given.id, given.credit_nano);
    perform private.revoke_credit('stripe_payment', given.id, ceil(given.credit_nano::numeric * lost / given.amount)::bigint);
  end if;
  perform private.alert_about_payment(given.id);
  return changes;
end;
$$;

comment on function private.put_payment is
  'Takes a payment over as Stripe has it; what was read later already of refunds and disputes stays. The caller must be locked (lock_accounts). Returns whether anything differed from what was known.';

create function private.alert_about_payment(payment_id text) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into private.alerts (kind, event, data)
  select
    'payment_disputed', format('disputed %s', p.id),
    jsonb_build_object('user_id', p.user_id, 'payment_id', p.id, 'currency', p.currency, 'disputed', p.disputed)
  from private.payments p
  where p.id = payment_id and p.disputed > 0
  on conflict (event) do nothing;
  insert into private.alerts (kind, event, data)
  select
    'credits_owed', format('credits owed %s', g.source_id),
    jsonb_build_object('user_id', g.user_id, 'payment_id', g.source_id, 'owed_nano', g.owed_nano)
  from private.credit_grants g
  where g.source_kind = 'stripe_payment' and g.source_id = payment_id and g.owed_nano > 0
  on conflict (event) do nothing;
end;
$$;

comment on function private.alert_about_payment is 'Writes an alert for a payment that is disputed, and for credits that were used before their payment was taken back: once.';

revoke all on function private.put_payment, private.alert_about_payment from public;
grant execute on function private.put_payment, private.alert_about_payment to service_role;
