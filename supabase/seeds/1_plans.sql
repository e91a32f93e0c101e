-- The plans on offer beside the default one, which the migrations make. Rows that exist are left alone: what an operator changed
-- stays changed. A limit that is not here does not exist.

insert into private.plans (id, name, rank, byok) values
  ('byok', 'Bring your own key', 15, 'required'),
  ('premium', 'Premium', 20, 'allowed'),
  ('pro', 'Pro', 30, 'allowed'),
  ('enterprise', 'Enterprise', 40, 'allowed')
on conflict do nothing;

insert into private.plan_limits (plan_id, unit, "window", amount) values
  -- Calls with the caller's own key cost nothing here, and others there are none.
  ('byok', 'requests', 'minute', 10),
  ('byok', 'nano_usd', 'month', 0),
  ('byok', 'concurrent', 'instant', 10),
  ('premium', 'requests', 'minute', 5),
  ('premium', 'requests', 'day', 100),
  ('premium', 'tokens', 'month', 5000000),
  ('premium', 'nano_usd', 'month', 2000000000),       -- 2 USD
  ('premium', 'concurrent', 'instant', 5),
  ('pro', 'requests', 'minute', 60),
  ('pro', 'requests', 'day', 2000),
  ('pro', 'tokens', 'month', 50000000),
  ('pro', 'nano_usd', 'month', 10000000000),          -- 10 USD
  ('pro', 'concurrent', 'instant', 20),
  ('enterprise', 'requests', 'minute', 600),
  ('enterprise', 'requests', 'day', 50000),
  ('enterprise', 'tokens', 'month', 2000000000),
  ('enterprise', 'nano_usd', 'month', 500000000000),  -- 500 USD
  ('enterprise', 'concurrent', 'instant', 200)
on conflict do nothing;
