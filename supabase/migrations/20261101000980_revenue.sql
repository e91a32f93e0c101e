-- Revenue: what callers pay beside what they cost.
--
-- Amounts of Stripe are in the smallest unit of their currency; what providers cost is in nano-USD. They are compared in US dollars alone,
-- and without Stripe's own fees and taxes.

-- API ---------------------------------------------------------------------------------------------------------------

create function public.get_revenue(from_at timestamptz, to_at timestamptz) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  with paying as (
    select s.plan_id, s.currency, count(distinct s.user_id) as subscribers, sum(s.monthly_amount) as monthly
    from private.subscriptions s
    where s.status <> 'trialing' and exists (
      select from private.plan_terms t where t.subscription_id = s.id and t.starts_at <= now() and now() < t.ends_at
    )
    group by 1, 2
  ),
  at_start as (
    select s.user_id from private.subscriptions s
    where s.started_at <= from_at and coalesce(s.ended_at, 'infinity') > from_at and s.status not in ('incomplete', 'incomplete_expired')
    group by 1
  ),
  stayed as (
    select a.user_id from at_start a
    where exists (
      select from private.subscriptions s
      where s.user_id = a.user_id and s.started_at <= to_at and coalesce(s.ended_at, 'infinity') > to_at
        and s.status not in ('incomplete', 'incomplete_expired')
    )
  ),
  received as (
    select p.plan_id, p.currency, count(*) as payments, sum(greatest(p.amount - p.refunded - p.disputed, 0)) as amount
    from private.payments p where p.paid_at >= from_at and p.paid_at < to_at
    group by 1, 2
  ),
  spent as (
    select l.plan_id, sum(l.cost_nano) as cost_nano
    from private.ledger l where l.held_at >= from_at and l.held_at < to_at
    group by 1
  )
  select jsonb_build_object(
    'recurring', (
      select coalesce(jsonb_agg(jsonb_build_object('currency', t.currency, 'monthly_amount', t.monthly, 'subscribers', t.subscribers) order by t.currency), '[]')
      from (select p.currency, sum(p.monthly) as monthly, sum(p.subscribers) as subscribers from paying p group by 1) t
    ),
    'churn', (
      select jsonb_build_object(
        'at_start', count(*), 'lost', count(*) - (select count(*) from stayed),
        'rate', case when count(*) > 0 then round((count(*) - (select count(*) from stayed))::numeric / count(*), 4) end
      )
      from at_start
    ),
    'plans', (
      select jsonb_agg(jsonb_build_object(
        'plan', plan.id,
        'recurring', (
          select coalesce(jsonb_agg(jsonb_build_object('currency', y.currency, 'monthly_amount', y.monthly, 'subscribers', y.subscribers) order by y.currency), '[]')
          from paying y where y.plan_id is not distinct from plan.id
        ),
        'revenue', (
          select coalesce(jsonb_agg(jsonb_build_object('currency', r.currency, 'amount', r.amount, 'payments', r.payments) order by r.currency), '[]')
          from received r where r.plan_id is not distinct from plan.id
        ),
        'cost_nano', coalesce((select s.cost_nano from spent s where s.plan_id = plan.id), 0)
      ) order by known.rank nulls last, plan.id)
      from (select id from private.plans union select plan_id from received union select plan_id from spent) plan (id)
      left join private.plans known on known.id = plan.id
    )
  );
$$;

comment on function public.get_revenue is
  'What recurs each month at this moment, before discounts and taxes; which share of those who subscribed at the beginning of a period did not at its end; and what came in (less refunds and disputes, by the day of the payment) and what providers cost in it, by plan. A null plan: what was paid for no subscription, such as credits.';

create function public.list_margins(from_at timestamptz, to_at timestamptz, page_limit integer, after_margin numeric default null, after_user uuid default null)
returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  with received as (
    select p.user_id, sum(greatest(p.amount - p.refunded - p.disputed, 0)) filter (where p.currency = 'usd') * 10000000 as nano,
      coalesce(jsonb_object_agg(p.currency, null) filter (where p.currency <> 'usd'), '{}') as others
    from private.payments p where p.paid_at >= from_at and p.paid_at < to_at
    group by 1
  ),
  spent as (
    select l.user_id, sum(l.cost_nano) as nano
    from private.ledger l where l.held_at >= from_at and l.held_at < to_at
    group by 1
  ),
  margin as (
    select user_id, coalesce(r.nano, 0) as revenue_nano, coalesce(s.nano, 0) as cost_nano, coalesce(r.nano, 0) - coalesce(s.nano, 0) as margin_nano,
      array(select jsonb_object_keys(coalesce(r.others, '{}'))) as other_currencies
    from received r full join spent s using (user_id)
  )
  select jsonb_build_object(
    'user_id', m.user_id, 'plan', a.plan_id, 'revenue_nano', m.revenue_nano, 'cost_nano', m.cost_nano, 'margin_nano', m.margin_nano,
    'other_currencies', m.other_currencies
  )
  from margin m
  left join private.current_accounts a on a.user_id = m.user_id
  where after_user is null or (m.margin_nano, m.user_id) > (after_margin, after_user)
  order by m.margin_nano, m.user_id
  limit page_limit;
$$;

comment on function public.list_margins is
  'What each caller paid in US dollars in a period beside what they cost, in nano-USD, those first who cost most more than they paid. other_currencies: paid in besides, and not counted.';

revoke all on function public.get_revenue, public.list_margins from public, anon, authenticated;
grant execute on function public.get_revenue, public.list_margins to service_role;
