-- Billing prices: what plans and credits cost, as Stripe has it.
--
-- Invariants
--   A price is of a plan or of credits. What it is of comes from Stripe (metadata plan or credit_usd), never from a customer.
--   A price that was once known stays: subscriptions to prices that are offered no more keep their plan.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.billing_interval as enum ('month', 'year');

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.billing_prices (
  id text primary key,
  plan_id text references private.plans (id),
  "interval" private.billing_interval,
  credit_nano bigint check (credit_nano between 1 and 9007199254740991),
  currency text not null check (currency ~ '^[a-z]{3}$'),
  amount bigint check (amount >= 0),
  is_active boolean not null,
  created_at timestamptz not null,
  check ((plan_id is null) <> (credit_nano is null)),
  check ("interval" is null or plan_id is not null)
);

comment on table private.billing_prices is 'Prices of Stripe that are of a plan, or of credits.';
comment on column private.billing_prices."interval" is 'Null for one that is paid at another interval: it gives its plan, and is not offered.';
comment on column private.billing_prices.credit_nano is 'What one purchase adds to the buyer''s credits, in nano-USD.';
comment on column private.billing_prices.amount is 'In the currency''s smallest unit, such as cents; null for one without a fixed amount, which gives its plan and is not offered.';
comment on column private.billing_prices.is_active is 'Whether Stripe sells it still.';
comment on column private.billing_prices.created_at is 'At Stripe: of several that are active the newest is offered.';

create index billing_prices_plan on private.billing_prices (plan_id);

revoke all on private.billing_prices from public, anon, authenticated, service_role;
grant select, insert, update on private.billing_prices to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.offered_prices with (security_invoker = true) as
  select distinct on (plan_id, "interval", credit_nano, currency) id, plan_id, "interval", credit_nano, currency, amount, created_at
  from private.billing_prices
  where is_active and amount is not null and ("interval" is not null or credit_nano is not null)
  order by plan_id, "interval", credit_nano, currency, created_at desc, id;

comment on view private.offered_prices is 'What can be bought: of each plan and interval, and of each amount of credits, the newest price in each currency.';

revoke all on private.offered_prices from public, anon, authenticated, service_role;
grant select on private.offered_prices to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.put_billing_prices(prices jsonb) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  written integer;
begin
  insert into private.billing_prices as known (id, plan_id, "interval", credit_nano, currency, amount, is_active, created_at)
  select distinct on (p.id) p.id, p.plan_id, p."interval", p.credit_nano, p.currency, p.amount, p.is_active, p.created_at
  from jsonb_populate_recordset(null::private.billing_prices, prices) p
  where (p.plan_id is null or exists (select from private.plans known_plan where known_plan.id = p.plan_id))
    -- Before the conflict, which would have everybody who reads a plan wait for its price.
    and not exists (
      select from private.billing_prices same
      where same.id = p.id and (same.plan_id, same."interval", same.credit_nano, same.currency, same.amount, same.is_active)
        is not distinct from (p.plan_id, p."interval", p.credit_nano, p.currency, p.amount, p.is_active)
    )
  order by p.id
  on conflict (id) do update set
    (plan_id, "interval", credit_nano, currency, amount, is_active) =
      (excluded.plan_id, excluded."interval", excluded.credit_nano, excluded.currency, excluded.amount, excluded.is_active);
  get diagnostics written = row_count;
  return written;
end;
$$;

comment on function private.put_billing_prices is 'Takes prices over as Stripe has them; one of a plan that there is not is left out. Returns how many are new or changed.';

create function public.sync_billing_prices(prices jsonb) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  written integer := private.put_billing_prices(prices);
  withdrawn integer;
begin
  update private.billing_prices p set is_active = false
  where p.is_active and not exists (select from jsonb_array_elements(prices) given where given ->> 'id' = p.id);
  get diagnostics withdrawn = row_count;
  return written + withdrawn;
end;
$$;

comment on function public.sync_billing_prices is 'Takes all prices over: those that are not among them are sold no more. Returns how many changed.';

revoke all on function private.put_billing_prices from public;
grant execute on function private.put_billing_prices to service_role;
revoke all on function public.sync_billing_prices from public, anon, authenticated;
grant execute on function public.sync_billing_prices to service_role;
