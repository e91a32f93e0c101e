-- Sync administration: what administrators see of syncs, and what they decide about prices that wait and models that come.

grant insert, delete on private.activation_rules to service_role;

-- API ----------------------------------------------------------------------------------------------------------------

create function private.describe_held_price(held private.held_prices) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select jsonb_build_object(
    'route_id', r.id, 'model', r.model_id, 'provider', r.provider, 'held_at', held.held_at, 'run_id', held.run_id,
    'from', private.describe_price(private.price_of(r.id)), 'to', private.describe_price(held.price)
  )
  from private.model_routes r
  where r.id = held.route_id;
$$;

comment on function private.describe_held_price is 'A price that waits, and the one that is in force.';

revoke all on function private.describe_held_price from public;
grant execute on function private.describe_held_price to service_role;

create function public.list_held_prices() returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select private.describe_held_price(h) from private.held_prices h order by h.held_at, h.route_id;
$$;

comment on function public.list_held_prices is 'Prices that wait for a second word.';

create function public.accept_held_price(actor_id uuid, route_id bigint, run_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '2s'
as $$
#variable_conflict use_variable
declare
  held private.held_prices;
  accepted jsonb;
begin
  -- As a feed does, and in its order.
  lock table private.models, private.model_routes in row exclusive mode;
  delete from private.held_prices h where h.route_id = route_id and h.run_id = run_id returning h.* into held;
  if not found then
    return null;
  end if;
  select private.describe_held_price(held) into accepted;
  perform private.add_price(route_id, held.price);
  perform private.audit(actor_id, 'price.accept', accepted ->> 'model', accepted -> 'to', accepted -> 'from');
  return accepted;
end;
$$;

comment on function public.accept_held_price is 'Has the price count that a run held back. Answers with it; null where it does not wait any more.';

create function public.list_activation_rules() returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select jsonb_build_object('id', r.id, 'plan', r.plan_id, 'pattern', r.pattern, 'is_free_only', r.is_free_only)
  from private.activation_rules r order by r.id;
$$;

create function public.add_activation_rule(actor_id uuid, rule jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  added private.activation_rules;
begin
  if not exists (select from private.plans p where p.id = rule ->> 'plan') then
    return jsonb_build_object('refusal', 'SL40L', 'param', 'plan', 'value', rule ->> 'plan');
  end if;
  insert into private.activation_rules as r (plan_id, pattern, is_free_only)
  values (rule ->> 'plan', rule ->> 'pattern', (rule ->> 'is_free_only')::boolean)
  on conflict (plan_id, pattern, is_free_only) do nothing
  returning r.* into added;
  if found then
    perform private.audit(actor_id, 'rule.add', added.id::text, rule, null);
  end if;
  return (
    select jsonb_build_object('id', r.id, 'plan', r.plan_id, 'pattern', r.pattern, 'is_free_only', r.is_free_only)
    from private.activation_rules r
    where r.plan_id = rule ->> 'plan' and r.pattern = rule ->> 'pattern' and r.is_free_only = (rule ->> 'is_free_only')::boolean
  );
end;
$$;

create function public.remove_activation_rule(actor_id uuid, rule_id bigint) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  removed private.activation_rules;
begin
  delete from private.activation_rules r where r.id = rule_id returning r.* into removed;
  if found then
    perform private.audit(actor_id, 'rule.remove', rule_id::text, '{}', to_jsonb(removed));
  end if;
  return removed.id is not null;
end;
$$;

comment on function public.list_activation_rules is 'Which new models become active by themselves.';
comment on function public.add_activation_rule is 'Adds a rule; twice is once. Answers with it, or with a refusal and the plan that there is not.';
comment on function public.remove_activation_rule is 'Removes a rule. False where there is none.';

create function public.list_model_syncs(
  page_limit integer, after_start timestamptz default null, after_source text default null, run_id uuid default null
) returns setof json
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform private.fail_lost_syncs();
  return query
  select private.describe_sync(l)
  from private.model_sync_log l
  where (list_model_syncs.run_id is null or l.run_id = list_model_syncs.run_id)
    and (after_start is null or l.started_at < after_start or (l.started_at = after_start and l.source > after_source))
  order by l.started_at desc, l.source
  limit page_limit;
end;
$$;

comment on function public.list_model_syncs is 'Rows of the log of syncs, the last first, from after the one that began then for this source on, or those of one run.';

revoke all on function public.list_held_prices, public.accept_held_price, public.list_activation_rules, public.add_activation_rule,
  public.remove_activation_rule, public.list_model_syncs from public, anon, authenticated;
grant execute on function public.list_held_prices, public.accept_held_price, public.list_activation_rules, public.add_activation_rule,
  public.remove_activation_rule, public.list_model_syncs to service_role;
