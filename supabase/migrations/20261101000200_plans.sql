-- Plans: what a caller may use, as data.
--
-- Invariant: a limit that has no row does not exist: the plan is unlimited in that respect.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.limit_scope as enum ('all', 'model', 'provider', 'api_key');
create type private.limit_unit as enum ('requests', 'tokens', 'nano_usd', 'concurrent');
create type private.limit_window as enum ('minute', 'day', 'month', 'instant');
create type private.byok_permission as enum ('forbidden', 'allowed', 'required');

comment on type private.limit_scope is 'api_key: what is asked for with one of the caller''s own API keys.';
comment on type private.limit_unit is 'concurrent: requests that run at once.';
comment on type private.limit_window is 'instant is the window of what runs at once: it never ends, and only what is held counts in it.';
comment on type private.byok_permission is
  'Whether callers of a plan may have chats served with provider keys of their own. required: with those alone, unless they allow the platform''s.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.plans (
  id text primary key check (id ~ '^[a-z][a-z0-9_-]{0,39}$'),
  name text not null check (char_length(name) between 1 and 100),
  rank smallint not null unique,
  is_default boolean not null default false,
  byok private.byok_permission not null default 'allowed',
  grace interval not null default '7 days' check (grace >= interval '0')
);

comment on table private.plans is 'The plans on offer.';
comment on column private.plans.rank is 'From the cheapest (lowest) to the dearest; a refusal names the lowest rank that would help.';
comment on column private.plans.is_default is 'The plan of a person who has bought none.';

comment on column private.plans.grace is 'How long a subscription whose renewal could not be collected still gives the plan.';

create unique index plans_one_default on private.plans (is_default) where is_default;

create table private.plan_limits (
  plan_id text not null references private.plans (id) on delete cascade,
  scope private.limit_scope not null default 'all' check (scope <> 'api_key'),
  scope_id text not null default '' check ((scope = 'all') = (scope_id = '')),
  unit private.limit_unit not null,
  "window" private.limit_window not null check ((unit = 'concurrent') = ("window" = 'instant')),
  amount bigint not null check (amount between 0 and 9007199254740991),
  primary key (plan_id, scope, scope_id, unit, "window"),
  -- A rate of nothing has no spread.
  check (amount > 0 or unit <> 'requests' or "window" <> 'minute')
);

comment on table private.plan_limits is 'The limits of a plan: a row each, for each of its callers.';
comment on column private.plan_limits.scope_id is 'The model or the provider; empty for scope all.';
comment on column private.plan_limits.amount is 'In the unit of the row: requests, tokens, nano-USD (1e-9 USD), or requests at once.';

revoke all on private.plans, private.plan_limits from public, anon, authenticated, service_role;
grant select on private.plans, private.plan_limits to service_role;

-- The default plan must exist before the first sign-up, and with its limits, because no limit means unlimited. The other plans
-- are seeds.
insert into private.plans (id, name, rank, is_default) values ('free', 'Free', 10, true);

insert into private.plan_limits (plan_id, unit, "window", amount) values
  ('free', 'requests', 'minute', 2),
  ('free', 'requests', 'day', 10),
  ('free', 'tokens', 'month', 500000),
  ('free', 'nano_usd', 'month', 100000000),      -- 0.10 USD
  ('free', 'concurrent', 'instant', 2);
