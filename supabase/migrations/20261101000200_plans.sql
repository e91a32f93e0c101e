-- Plans: what a caller may use, as data.
--
-- Invariant: every profile has exactly one account, and an account always names a plan. A limit that has no row does not
-- exist: the plan is unlimited in that respect.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.limit_scope as enum ('all', 'model');
create type private.limit_unit as enum ('requests', 'tokens', 'nano_usd');
create type private.limit_window as enum ('minute', 'day', 'month');

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.plans (
  id text primary key check (id ~ '^[a-z][a-z0-9_-]{0,39}$'),
  name text not null check (char_length(name) between 1 and 100),
  rank smallint not null unique,
  is_default boolean not null default false
);

comment on table private.plans is 'The plans on offer.';
comment on column private.plans.rank is 'From the cheapest (lowest) to the dearest; a refusal names the lowest rank that would help.';
comment on column private.plans.is_default is 'The plan of a person who has bought none.';

create unique index plans_one_default on private.plans (is_default) where is_default;

create table private.plan_limits (
  plan_id text not null references private.plans (id) on delete cascade,
  scope private.limit_scope not null default 'all',
  scope_id text not null default '' check ((scope = 'all') = (scope_id = '')),
  unit private.limit_unit not null,
  "window" private.limit_window not null,
  amount bigint not null check (amount >= 0),
  primary key (plan_id, scope, scope_id, unit, "window"),
  -- A rate is spread over its minute, which only works for what has a known size beforehand. A rate of zero has no spread.
  check ("window" <> 'minute' or (unit = 'requests' and amount > 0))
);

comment on table private.plan_limits is 'The limits of a plan: a row each.';
comment on column private.plan_limits.scope_id is 'The model for scope model; empty for scope all.';
comment on column private.plan_limits.amount is 'In the unit of the row: requests, tokens, or nano-USD (1e-9 USD).';

create table private.accounts (
  user_id uuid primary key references public.profiles (user_id) on delete cascade,
  plan_id text not null references private.plans (id),
  anchor_at timestamptz not null default now()
) with (fillfactor = 70);

comment on table private.accounts is
  'One row a caller: the plan, and the row whose lock serialises everything that touches the caller''s limits.';
comment on column private.accounts.anchor_at is 'Month windows begin at this moment plus n months (UTC).';

create index accounts_plan on private.accounts (plan_id);

revoke all on private.plans, private.plan_limits, private.accounts from public, anon, authenticated, service_role;
grant select on private.plans, private.plan_limits to service_role;
-- The update of some column is what `for no key update` asks for: the functions of the metering chapter lock, they change nothing here.
grant select, update (anchor_at) on private.accounts to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.create_account() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into private.accounts (user_id, plan_id, anchor_at)
  select new.user_id, id, new.created_at from private.plans where is_default;
  return new;
end;
$$;

comment on function private.create_account is 'Definer, because a profile is made by the sign-up trigger on behalf of nobody.';

revoke all on function private.create_account from public;

create trigger create_account after insert on public.profiles
  for each row execute function private.create_account();

-- The default plan must exist before the first sign-up, and with its limits, because no limit means unlimited. The other plans
-- are seeds.
insert into private.plans (id, name, rank, is_default) values ('free', 'Free', 10, true);

insert into private.plan_limits (plan_id, unit, "window", amount) values
  ('free', 'requests', 'minute', 2),
  ('free', 'requests', 'day', 10),
  ('free', 'nano_usd', 'month', 100000000);      -- 0.10 USD

insert into private.accounts (user_id, plan_id, anchor_at)
select user_id, 'free', created_at from public.profiles;
