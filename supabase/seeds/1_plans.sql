-- The plans on offer beside the default one, which the migrations make. Rows that exist are left alone: what an operator changed
-- stays changed.

insert into private.plans (id, name, rank, is_default) values
  ('pro', 'Pro', 20, false)
on conflict do nothing;

insert into private.plan_limits (plan_id, unit, "window", amount) values
  ('pro', 'requests', 'minute', 60),
  ('pro', 'requests', 'day', 2000),
  ('pro', 'nano_usd', 'month', 10000000000)      -- 10 USD
on conflict do nothing;
