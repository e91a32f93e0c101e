-- The plans on offer and their limits. Rows that exist are left alone: what an operator changed stays changed.

insert into private.plans (id, name, rank, is_default) values
  ('free', 'Free', 10, true),
  ('pro', 'Pro', 20, false)
on conflict do nothing;

insert into private.plan_limits (plan_id, unit, "window", amount) values
  ('free', 'requests', 'minute', 2),
  ('free', 'requests', 'day', 10),
  ('free', 'nano_usd', 'month', 100000000),      -- 0.10 USD
  ('pro', 'requests', 'minute', 60),
  ('pro', 'requests', 'day', 2000),
  ('pro', 'nano_usd', 'month', 10000000000)      -- 10 USD
on conflict do nothing;
