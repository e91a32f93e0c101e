-- Holds: what a request can cost at most is taken from every limit before a provider is called.
--
-- Invariant: a hold is placed only if used + held + amount <= limit at that instant, for every limit that applies.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.hold_state as enum ('pending', 'settled', 'expired');

create type private.reservation as (window_id bigint, epoch integer, amount bigint, call_amount bigint);

comment on type private.reservation is 'What a hold took from one window, and in which epoch of it; call_amount is what one provider call can take.';

create type private.claim as (
  window_id bigint, is_project boolean, scope private.limit_scope, scope_id text, unit private.limit_unit,
  "window" private.limit_window, "limit" bigint, ceiling bigint, period_start timestamptz, period_end timestamptz, epoch integer,
  used bigint, held bigint, credited bigint, alerted smallint, amount bigint
);

comment on type private.claim is
  'A window that a request must fit into, as it stands now (one whose period is over counts as rolled), and what the request takes from it. ceiling is what used and held may come to: the limit and, for the budget of the month, credits.';

create type private.pace as (scope private.limit_scope, scope_id text, "limit" bigint, next_at timestamptz);

comment on type private.pace is 'A rate that a request must keep, and when the next request would be due if this one were let through.';

create type private.hold_decision as (
  hold_id uuid, routes json, route_ids bigint[], providers text[], max_output_tokens integer, limits json, refusal text, detail json
);

comment on type private.hold_decision is
  'refusal is null for a hold that was placed, else an SQLSTATE of ours with its detail: what ran out, when it resets, which plan would help. limits are the caller''s, as they stand afterwards.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.holds (
  id uuid primary key,
  user_id uuid not null,
  conversation_id uuid,
  plan_id text not null,
  model_id text,
  service text check (char_length(service) between 1 and 40),
  api_key_id uuid,
  is_byok boolean not null default false,
  price_ids bigint[] not null,
  prompt_tokens bigint not null,
  likely_prompt_tokens bigint not null check (likely_prompt_tokens <= prompt_tokens),
  max_output_tokens integer not null,
  reservations private.reservation[] not null,
  credit_nano bigint not null default 0,
  calls smallint not null default 1,
  state private.hold_state not null default 'pending',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check ((service is null) = (model_id is not null) and (service is null) = (cardinality(price_ids) > 0))
);

comment on table private.holds is
  'A request that was let through, from before the provider is called. No foreign keys: a hold is settled even if its caller is deleted, and a key on plan or model would have every request lock the same rows.';
comment on column private.holds.id is 'The id of the request, chosen by the function.';
comment on column private.holds.service is 'Another service of the app that holds for a caller, in the place of a model.';
comment on column private.holds.api_key_id is 'The caller''s API key that it was asked for with; null where they were there themselves.';
comment on column private.holds.is_byok is 'Served with the caller''s own provider keys: costs nothing here.';
comment on column private.holds.price_ids is 'The prices in force when the hold was placed, one for each route that may be called, in the order of trying. Nothing else can be charged.';
comment on column private.holds.conversation_id is 'Null where no conversation is kept.';
comment on column private.holds.prompt_tokens is 'The most tokens that the prompt can be billed for.';
comment on column private.holds.likely_prompt_tokens is 'About what it will be billed for: charged where the provider reports no usage.';
comment on column private.holds.credit_nano is 'The part of the budget held that went beyond the limit, for which credits stand.';
comment on column private.holds.calls is 'For how many provider calls that cost money the reservations are enough; in the windows of one provider it may be fewer.';

create index holds_pending on private.holds (user_id, expires_at) where state = 'pending';
create index holds_created on private.holds using brin (created_at);

revoke all on private.holds from public, anon, authenticated, service_role;
grant select, insert, update on private.holds to service_role;

-- Views -------------------------------------------------------------------------------------------------------------

create view private.credit_left with (security_invoker = true) as
  select g.user_id, greatest(g.left_nano - coalesce(owed.nano, 0), 0) as left_nano
  from (
    select c.user_id, sum(c.left_nano)::bigint as left_nano
    from private.credit_grants c
    where c.left_nano > 0 and c.expires_at > now()
    group by c.user_id
  ) g
  -- In its own month a hold is part of what is held. Once that is over, only its credits are left to say that they stand for it.
  cross join lateral (
    select sum(h.credit_nano)::bigint as nano
    from private.holds h
    where h.user_id = g.user_id and h.state = 'pending' and h.credit_nano > 0 and not exists (
      select
      from unnest(h.reservations) r
      join private.usage_windows w on w.id = r.window_id and w.epoch = r.epoch
      where w.user_id = h.user_id and w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month' and w.period_end > now()
    )
  ) owed;

comment on view private.credit_left is
  'What callers have left in credits for something new at this moment, beside what is held of this month, in nano-USD; those who have none are not here.';

revoke all on private.credit_left from public, anon, authenticated, service_role;
grant select on private.credit_left to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.extend_hold(hold_id uuid, calls smallint, provider text, provider_calls smallint) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  hold private.holds;
  slots bigint[];
  growth private.reservation[];
  is_beyond_a_limit boolean;
  on_credit bigint;
begin
  select h.* into hold from private.holds h where h.id = hold_id and h.state = 'pending' and h.expires_at > now();
  if not found then
    return false;
  end if;
  slots := array(
    select w.id from unnest(hold.reservations) r join private.usage_windows w on w.id = r.window_id where w.user_id is null
  );
  if cardinality(slots) > 0 then
    perform private.gather_slots('{}', slots);
  end if;
  -- What is missing. The request itself counts once, however many calls it takes.
  growth := array(
    select (r.window_id, r.epoch, wanted.amount - r.amount, r.call_amount)::private.reservation
    from unnest(hold.reservations) r
    join private.usage_windows w on w.id = r.window_id and w.unit not in ('requests', 'concurrent')
    cross join lateral (
      select r.call_amount * case when w.scope <> 'provider' then calls when w.scope_id = provider then provider_calls end as amount
    ) wanted
    where wanted.amount > r.amount
  );
  -- A window whose period is over counts as rolled: there it is taken down, but it is no hindrance.
  select
    coalesce(bool_or(
      w.used + w.held + g.amount > case when p.amount is not null then w.share else l.amount + w.credited + coalesce(c.left_nano, 0) end
    ), false),
    coalesce(sum(least(greatest(w.used + w.held + g.amount - l.amount - w.credited, 0), g.amount)) filter (
      where w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month'
    ), 0)
  into is_beyond_a_limit, on_credit
  from unnest(growth) g
  join private.usage_windows w on w.id = g.window_id and w.epoch = g.epoch and w.period_end > now()
  left join private.caller_limits l
    on l.user_id = w.user_id and l.scope = w.scope and l.scope_id = w.scope_id and l.unit = w.unit and l."window" = w."window"
  -- A limit of the project may have been removed since.
  left join private.project_limits p
    on w.user_id is null and p.scope = w.scope and p.scope_id = w.scope_id and p.unit = w.unit and p."window" = w."window"
  left join private.credit_left c
    on c.user_id = w.user_id and w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month';
  if not is_beyond_a_limit then
    update private.holds h set
      calls = greatest(hold.calls, calls),
      credit_nano = hold.credit_nano + on_credit,
      reservations = array(
        select (r.window_id, r.epoch, r.amount + coalesce(g.amount, 0), r.call_amount)::private.reservation
        from unnest(hold.reservations) r
        left join unnest(growth) g on g.window_id = r.window_id
      )
    where h.id = hold_id;
    update private.usage_windows w set held = w.held + g.amount from unnest(growth) g where w.id = g.window_id and w.epoch = g.epoch;
  end if;
  if cardinality(slots) > 0 then
    perform private.scatter_slots();
  end if;
  return not is_beyond_a_limit;
end;
$$;

comment on function private.extend_hold is
  'Has a hold be enough for so many provider calls in all, and for so many to one provider, because one of them cost money and the chat goes on. False where a limit does not allow it. Twice is once. The caller must be locked (lock_accounts).';

revoke all on function private.extend_hold from public;
grant execute on function private.extend_hold to service_role;
