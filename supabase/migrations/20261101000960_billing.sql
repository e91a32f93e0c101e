-- Billing: what callers are told of plans and of their own, and what a change of plan would be.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.held_subscription(user_id uuid) returns private.subscriptions
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  term private.plan_terms := private.term_at(user_id, now());
  held private.subscriptions;
begin
  select s.* into held
  from private.subscriptions s
  where s.user_id = user_id and s.status not in ('canceled', 'incomplete_expired')
  order by s.id = term.subscription_id desc nulls last, s.started_at desc, s.id
  limit 1;
  return held;
end;
$$;

comment on function private.held_subscription is 'The subscription that gives a caller''s plan or, where none does, the newest one that has not ended.';

-- API ---------------------------------------------------------------------------------------------------------------

create function public.list_plans() returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (
    with price as (
      -- In several currencies, the one of the newest price.
      select distinct on (o.plan_id, o."interval", o.credit_nano) o.*
      from private.offered_prices o
      order by o.plan_id, o."interval", o.credit_nano, o.created_at desc, o.id
    ),
    included as (
      select g.plan_id, count(*) as models
      from private.plan_models g join private.models m on m.id = g.model_id
      where m.status = 'active'
      group by 1
    )
    select jsonb_build_object(
      'plans', (
        select jsonb_agg(jsonb_build_object(
          'id', p.id, 'name', p.name, 'is_default', p.is_default, 'byok', p.byok, 'models', coalesce(i.models, 0),
          'prices', (
            select coalesce(jsonb_object_agg(o."interval", jsonb_build_object('amount', o.amount, 'currency', o.currency)), '{}')
            from price o where o.plan_id = p.id
          ),
          'limits', (
            select coalesce(jsonb_agg(
              jsonb_build_object('scope', l.scope, 'scope_id', nullif(l.scope_id, ''), 'unit', l.unit, 'window', l."window", 'amount', l.amount)
              order by l.scope, l.scope_id, l.unit, l."window"
            ), '[]')
            from private.plan_limits l where l.plan_id = p.id
          )
        ) order by p.rank)
        from private.plans p
        left join included i on i.plan_id = p.id
      ),
      'credits', (
        select coalesce(jsonb_agg(
          jsonb_build_object('credit_nano', o.credit_nano, 'amount', o.amount, 'currency', o.currency) order by o.credit_nano
        ), '[]')
        from price o where o.credit_nano is not null
      )
    )
  );
end;
$$;

comment on function public.list_plans is 'The plans from the cheapest to the dearest, with their limits, and what can be bought.';

create function public.get_billing(user_id uuid) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  return (
    select jsonb_build_object(
      'plan', jsonb_build_object('id', p.id, 'name', p.name),
      'next_plan', case when a.next_plan_id is not null then jsonb_build_object('id', a.next_plan_id, 'at', a.next_plan_at) end,
      'is_customer', exists (select from private.stripe_customers c where c.user_id = a.user_id and c.deleted_at is null),
      'subscription', (
        select jsonb_build_object(
          'id', s.id, 'status', s.status, 'plan', s.plan_id, 'interval', s."interval", 'currency', s.currency,
          'period_start', s.period_start, 'period_end', s.period_end, 'ends_at', s.ends_at,
          'grace_ends_at', s.past_due_since + plan.grace, 'payment_due', s.payment_due,
          'monthly_amount', s.monthly_amount
        )
        from private.held_subscription(a.user_id) s
        left join private.plans plan on plan.id = s.plan_id
        where s.id is not null
      )
    )
    from private.current_accounts a
    join private.plans p on p.id = a.plan_id
    where a.user_id = user_id
  );
end;
$$;

comment on function public.get_billing is
  'A caller''s plan, and the subscription that gives it or, where none does, the newest one that has not ended; null for nobody.';

create function public.find_offer(user_id uuid, plan_id text default null, "interval" text default null, credit_nano bigint default null) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  offer private.offered_prices;
  held private.subscriptions := private.held_subscription(user_id);
begin
  select o.* into offer
  from private.offered_prices o
  where (o.plan_id = plan_id and o."interval"::text = "interval") or o.credit_nano = credit_nano
  -- A subscription stays in its currency.
  order by o.currency = held.currency desc nulls last, o.created_at desc, o.id
  limit 1;
  return jsonb_build_object(
    'price_id', offer.id,
    'subscription_id', held.id,
    'is_upgrade', (
      select (chosen.rank, offer."interval") > (current.rank, held."interval")
      from private.plans chosen, private.plans current
      where chosen.id = offer.plan_id and current.id = held.plan_id
    ),
    'is_current', offer.plan_id = held.plan_id and offer."interval" is not distinct from held."interval"
  );
end;
$$;

comment on function public.find_offer is
  'The price of a plan and interval, or of an amount of credits (null where there is none), beside the caller''s subscription that has not ended: whether it is that one already, and whether it would be an upgrade: a dearer plan, or the same one by the year.';

revoke all on function private.held_subscription from public;
grant execute on function private.held_subscription to service_role;
revoke all on function public.list_plans, public.get_billing, public.find_offer from public, anon, authenticated;
grant execute on function public.list_plans, public.get_billing, public.find_offer to service_role;
