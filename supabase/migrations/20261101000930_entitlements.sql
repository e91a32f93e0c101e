-- Entitlements: which plan a caller's subscriptions give, and how a plan changes.
--
-- Invariants
--   The plan is the best of the base plan and of what the caller's subscriptions give at this moment: a function of rows that are
--   Stripe's state as it was last read, whatever order, number or loss of events led to them.
--   What was read earlier never takes the place of what was read later.
--   What ends by itself (a grace, a subscription that is cancelled, a plan until the next one) ends without anybody telling; what
--   comes after the next plan is worked out when Stripe is read again, at the latest in the night.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.subscriptions (
  id text primary key check (char_length(id) between 1 and 255),
  customer_id text not null references private.stripe_customers (id) on delete cascade,
  user_id uuid not null references private.accounts (user_id) on delete cascade,
  status text not null check (char_length(status) between 1 and 40),
  plan_id text references private.plans (id),
  price_id text not null,
  "interval" private.billing_interval,
  currency text not null,
  monthly_amount bigint not null,
  started_at timestamptz not null,
  period_start timestamptz,
  period_end timestamptz check (period_end > period_start and (period_end is null) = (period_start is null)),
  ends_at timestamptz,
  ended_at timestamptz,
  past_due_since timestamptz check (past_due_since is null or status = 'past_due'),
  next_plan_id text references private.plans (id),
  next_plan_at timestamptz check ((next_plan_at is null) = (next_plan_id is null)),
  payment_due boolean not null default false
);

comment on table private.subscriptions is 'Subscriptions as they stand at Stripe, as far as we need them.';
comment on column private.subscriptions.status is 'In Stripe''s words; of those that are not known here none gives a plan.';
comment on column private.subscriptions.plan_id is 'That of the price; for a price that is not known, the plan that this subscription gave before, or the one in whose place it came.';
comment on column private.subscriptions.monthly_amount is 'What a month costs, in the currency''s smallest unit, before discounts and taxes; a year''s price is divided by twelve and rounded.';
comment on column private.subscriptions.ends_at is 'When it is to end, where it is scheduled to.';
comment on column private.subscriptions.past_due_since is 'When it was first seen that its renewal could not be collected: the grace begins here.';
comment on column private.subscriptions.next_plan_id is 'The plan that it changes to, and next_plan_at when.';
comment on column private.subscriptions.payment_due is 'Whether its newest invoice waits for the customer: a change of plan that is not paid yet, or a card to be confirmed.';

create index subscriptions_user on private.subscriptions (user_id);
create index subscriptions_customer on private.subscriptions (customer_id);
create index subscriptions_plan on private.subscriptions (plan_id);
create index subscriptions_next_plan on private.subscriptions (next_plan_id) where next_plan_id is not null;

revoke all on private.subscriptions from public, anon, authenticated, service_role;
grant select, insert, update on private.subscriptions to service_role;
grant update (plan_id, next_plan_id, next_plan_at, paid_from, paid_until) on private.accounts to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.plan_terms with (security_invoker = true) as
  select s.user_id, s.id as subscription_id, s.period_start, s.period_end, term.plan_id, term.starts_at, term.ends_at
  from private.subscriptions s
  join private.plans p on p.id = s.plan_id
  cross join lateral (
    select least(coalesce(s.ends_at, 'infinity'), coalesce(s.past_due_since + p.grace, 'infinity')) as ends_at
  ) life
  cross join lateral (values
    (s.plan_id, '-infinity'::timestamptz, least(life.ends_at, coalesce(s.next_plan_at, 'infinity'))),
    (s.next_plan_id, s.next_plan_at, life.ends_at)
  ) term (plan_id, starts_at, ends_at)
  where s.status in ('active', 'trialing', 'past_due') and term.starts_at < term.ends_at;

comment on view private.plan_terms is 'Which plan each subscription gives, from when, until when.';

revoke all on private.plan_terms from public, anon, authenticated, service_role;
grant select on private.plan_terms to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

-- In plpgsql, which keeps a plan for the session: a function in SQL is planned anew at each call.
create function private.term_at(user_id uuid, at timestamptz) returns private.plan_terms
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  term private.plan_terms;
begin
  select t.user_id, t.subscription_id, t.period_start, t.period_end, t.plan_id, t.starts_at, t.ends_at into term
  from (
    select o.* from private.plan_terms o where o.user_id = user_id and o.starts_at <= at and at < o.ends_at
    union all
    select a.user_id, null, null, null, a.base_plan_id, '-infinity', 'infinity' from private.accounts a where a.user_id = user_id
  ) t
  join private.plans p on p.id = t.plan_id
  -- Of two that give the same, the one that ends last.
  order by p.rank desc, t.subscription_id is null, t.ends_at desc, t.subscription_id
  limit 1;
  return term;
end;
$$;

comment on function private.term_at is 'The best of what a caller''s subscriptions and the base plan give at a moment.';

create function private.entitle(user_id uuid) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  account private.accounts;
  current private.plan_terms := private.term_at(user_id, now());
  next private.plan_terms;
  boundary timestamptz;
  changes boolean;
begin
  for boundary in
    select distinct edge.at
    from private.plan_terms t
    cross join lateral (values (t.starts_at), (t.ends_at)) edge (at)
    where t.user_id = user_id and edge.at > now() and edge.at < 'infinity'
    order by edge.at
  loop
    next := private.term_at(user_id, boundary);
    exit when next.plan_id <> current.plan_id;
    next := null;
  end loop;
  select a.* into strict account from private.accounts a where a.user_id = user_id;
  changes := (account.plan_id, account.next_plan_id, account.next_plan_at, account.paid_from, account.paid_until)
    is distinct from (
      current.plan_id, next.plan_id, case when next.plan_id is not null then boundary end, current.period_start, current.period_end
    );
  if changes then
    update private.accounts a set
      plan_id = current.plan_id, next_plan_id = next.plan_id, next_plan_at = case when next.plan_id is not null then boundary end
    where a.user_id = user_id;
    perform private.set_paid_period(user_id, current.period_start, current.period_end);
  end if;
  return changes;
end;
$$;

comment on function private.entitle is
  'Gives a caller the plan that follows from the subscriptions, from this moment on and from the next change that is known; what is used of the month stays. The caller must be locked (lock_accounts). Returns whether that changed anything.';

create function private.is_subscribed(user_id uuid) returns boolean
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  return exists (select from private.plan_terms t where t.user_id = user_id and t.ends_at > now());
end;
$$;

comment on function private.is_subscribed is 'Whether a subscription gives a caller a plan, now or when its next one begins.';

create function private.change_plan(user_id uuid, plan_id text) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  account private.current_accounts;
  is_downgrade boolean;
begin
  perform private.lock_accounts(array[user_id]);
  update private.accounts a set base_plan_id = plan_id where a.user_id = user_id;
  if private.is_subscribed(user_id) then
    perform private.entitle(user_id);
    return;
  end if;
  select * into strict account from private.current_accounts a where a.user_id = user_id;
  select chosen.rank < current.rank into strict is_downgrade
  from private.plans chosen, private.plans current
  where chosen.id = plan_id and current.id = account.plan_id;
  update private.accounts a set
    plan_id = case when is_downgrade then account.plan_id else plan_id end,
    next_plan_id = case when is_downgrade then plan_id end,
    next_plan_at = case when is_downgrade then (private.period_of('month', account.calendar, now())).period_end end
  where a.user_id = user_id;
end;
$$;

comment on function private.change_plan is
  'Gives a base plan by hand: one of a higher rank counts at once, with what is used so far; one of a lower rank from the end of the month, or when the subscription that gives a better one ends. The last choice counts.';

create function private.put_subscriptions(customer private.stripe_customers, ticket bigint, subscriptions jsonb, features text[]) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  was_subscribed boolean := private.is_subscribed(customer.user_id)
    or exists (select from private.accounts a where a.user_id = customer.user_id and a.paid_from is not null);
  -- What a subscription gave that is alive no more: one that is new, with a price that is not known, came in its place.
  replaced text := (
    select p.id from private.plan_terms t join private.plans p on p.id = t.plan_id
    where t.user_id = customer.user_id and t.starts_at <= now() and now() < t.ends_at and not exists (
      select from jsonb_array_elements(subscriptions) given
      where given ->> 'id' = t.subscription_id and given ->> 'status' in ('active', 'trialing', 'past_due')
    )
    order by p.rank desc limit 1
  );
  of_features text := (select p.id from private.plans p where p.id = any (features) order by p.rank desc limit 1);
  written integer;
  changes boolean;
begin
  -- What Stripe does not list any more, as of a customer that was deleted.
  update private.subscriptions s set status = 'canceled', past_due_since = null, ended_at = coalesce(s.ended_at, now())
  where s.customer_id = customer.id and s.status <> 'canceled'
    and not exists (select from jsonb_array_elements(subscriptions) given where given ->> 'id' = s.id);
  changes := found;
  insert into private.subscriptions as known (
    id, customer_id, user_id, status, plan_id, price_id, "interval", currency, monthly_amount, started_at, period_start, period_end,
    ends_at, ended_at, past_due_since, next_plan_id, next_plan_at, payment_due
  )
  select
    g.id, customer.id, customer.user_id, g.status, coalesce(price.plan_id, of_features, case when kept.id is null then replaced else kept.plan_id end), g.price_id, g."interval",
    g.currency, g.monthly_amount, g.started_at, g.period_start, g.period_end, g.ends_at, g.ended_at,
    case when g.status = 'past_due' then coalesce(kept.past_due_since, now()) end,
    next_price.plan_id, case when next_price.plan_id is not null then given.next_price_at end, g.payment_due
  from jsonb_array_elements(subscriptions) element
  cross join jsonb_populate_record(null::private.subscriptions, element) g
  cross join jsonb_to_record(element) given (next_price_id text, next_price_at timestamptz)
  left join private.subscriptions kept on kept.id = g.id
  left join private.billing_prices price on price.id = g.price_id and price.plan_id is not null
  left join private.billing_prices next_price on next_price.id = given.next_price_id and next_price.plan_id is not null
  order by g.id
  on conflict (id) do update set
    status = excluded.status, plan_id = excluded.plan_id, price_id = excluded.price_id, "interval" = excluded."interval",
    currency = excluded.currency, monthly_amount = excluded.monthly_amount, started_at = excluded.started_at,
    period_start = excluded.period_start, period_end = excluded.period_end, ends_at = excluded.ends_at, ended_at = excluded.ended_at,
    past_due_since = excluded.past_due_since, next_plan_id = excluded.next_plan_id, next_plan_at = excluded.next_plan_at,
    payment_due = excluded.payment_due
  where known.* is distinct from excluded.*;
  get diagnostics written = row_count;
  changes := changes or written > 0;
  update private.stripe_customers c set ticket = ticket where c.id = customer.id;
  -- Whoever has no subscription and had none keeps what was given by hand, and what becomes of it.
  if was_subscribed or private.is_subscribed(customer.user_id) then
    changes := private.entitle(customer.user_id) or changes;
  end if;
  perform private.alert_about_subscriptions(customer, features);
  return changes;
end;
$$;

comment on function private.put_subscriptions is
  'Takes all subscriptions of a customer over as Stripe has them, with the lookup keys of the features that Stripe says they give, which count where a price says nothing. The caller must be locked (lock_accounts), and the ticket the latest. Returns whether anything differed from what was known.';

create function private.alert_about_subscriptions(customer private.stripe_customers, features text[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  insert into private.alerts (kind, event, data)
  select
    'unknown_price', format('unknown price %s %s', s.id, s.price_id),
    jsonb_build_object('user_id', s.user_id, 'subscription_id', s.id, 'price_id', s.price_id, 'plan', s.plan_id)
  from private.subscriptions s
  where s.customer_id = customer.id and s.status in ('active', 'trialing', 'past_due')
    and not exists (select from private.billing_prices p where p.id = s.price_id and p.plan_id is not null)
    and not exists (select from private.plans p where p.id = any (features))
  on conflict (event) do nothing;
  insert into private.alerts (kind, event, data)
  select
    'several_subscriptions', format('several subscriptions %s', string_agg(s.id, ' ' order by s.id)),
    jsonb_build_object('user_id', customer.user_id, 'subscription_ids', jsonb_agg(s.id order by s.id))
  from private.subscriptions s
  where s.user_id = customer.user_id and s.status in ('active', 'trialing', 'past_due') and coalesce(s.ends_at, 'infinity') > now()
  having count(*) > 1
  on conflict (event) do nothing;
end;
$$;

comment on function private.alert_about_subscriptions is 'Writes an alert for each price that names no plan, and for a caller who pays for several subscriptions: once.';

revoke all on function private.term_at, private.entitle, private.is_subscribed, private.change_plan, private.put_subscriptions,
  private.alert_about_subscriptions from public;
grant execute on function private.set_paid_period, private.term_at, private.entitle, private.is_subscribed, private.put_subscriptions,
  private.alert_about_subscriptions to service_role;
