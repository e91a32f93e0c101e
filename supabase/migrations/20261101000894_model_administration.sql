-- Model administration: what administrators see and change of models.
--
-- Invariant: a change of many models is made as a whole or not at all.

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.describe_model(model private.models) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(model) || jsonb_build_object(
    'plans', (
      select coalesce(jsonb_agg(jsonb_build_object('id', g.plan_id, 'is_default', g.is_default) order by p.rank), '[]')
      from private.plan_models g join private.plans p on p.id = g.plan_id
      where g.model_id = model.id
    ),
    'limits', (
      select coalesce(jsonb_agg(jsonb_build_object('unit', l.unit, 'window', l."window", 'amount', l.amount) order by l.unit, l."window"), '[]')
      from private.model_limits l
      where l.model_id = model.id
    ),
    'routes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', r.id, 'provider', r.provider, 'upstream_model', r.upstream_model, 'priority', r.priority, 'weight', r.weight,
        'context_tokens', r.context_tokens, 'is_enabled', r.is_enabled, 'listing', r.listing, 'last_seen_at', r.last_seen_at,
        'price', private.describe_price(private.price_of(r.id)), 'held_price', private.describe_price(h.price)
      ) order by r.priority, r.id), '[]')
      from private.model_routes r
      left join private.held_prices h on h.route_id = r.id
      where r.model_id = model.id
    ),
    'rating', (
      select jsonb_build_object('answers', g.answers, 'broken', g.broken) from private.model_ratings g where g.model_id = model.id
    )
  );
$$;

comment on function private.describe_model is 'All that there is about a model.';

create function private.change_route(model_id text, route jsonb) returns text
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  route_id bigint;
begin
  if route ? 'id' then
    update private.model_routes r set
      priority = coalesce((route ->> 'priority')::smallint, r.priority), weight = coalesce((route ->> 'weight')::integer, r.weight),
      is_enabled = coalesce((route ->> 'is_enabled')::boolean, r.is_enabled),
      context_tokens = case when route ? 'context_tokens' then (route ->> 'context_tokens')::integer else r.context_tokens end
    where r.id = (route ->> 'id')::bigint and r.model_id = model_id
    returning r.id into route_id;
    if not found then
      return 'routes';
    end if;
  else
    insert into private.model_routes (model_id, provider, upstream_model, priority, weight, is_enabled, context_tokens)
    values (
      model_id, route ->> 'provider', route ->> 'upstream_model', coalesce((route ->> 'priority')::smallint, 0),
      coalesce((route ->> 'weight')::integer, 1), coalesce((route ->> 'is_enabled')::boolean, true), (route ->> 'context_tokens')::integer
    )
    on conflict do nothing
    returning id into route_id;
    if not found then
      return 'routes';
    end if;
  end if;
  if route ? 'price' then
    perform private.add_price(route_id, jsonb_populate_record(null::private.price, route -> 'price'));
    delete from private.held_prices h where h.route_id = route_id;
  end if;
  return null;
end;
$$;

comment on function private.change_route is
  'Changes a route of a model, or adds one, with its price. Answers with the name of what is at fault, where there is no such route or there is one already.';

create function private.change_model(model_id text, change jsonb) returns text
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  fault text;
  route jsonb;
begin
  update private.models m set
    status = coalesce((change ->> 'status')::private.model_status, m.status),
    status_before = case when change ? 'status' then null else m.status_before end,
    priority = coalesce((change ->> 'priority')::smallint, m.priority),
    category = case when change ? 'category' then change ->> 'category' else m.category end,
    tags = case when change ? 'tags' then array(select jsonb_array_elements_text(change -> 'tags')) else m.tags end,
    image_tokens = coalesce((change ->> 'image_tokens')::integer, m.image_tokens),
    first_token_ms = case when change ? 'first_token_ms' then (change ->> 'first_token_ms')::integer else m.first_token_ms end,
    route_order = coalesce((change ->> 'route_order')::private.route_order, m.route_order)
  where m.id = model_id;

  if change ? 'plans' then
    delete from private.plan_models g
    where g.model_id = model_id and g.plan_id = any (array(select jsonb_array_elements_text(change #> '{plans,remove}')));
    insert into private.plan_models (plan_id, model_id)
    select plan_id, model_id
    from (
      select jsonb_array_elements_text(change #> '{plans,add}') union select jsonb_array_elements_text(change #> '{plans,default_of}')
    ) given (plan_id)
    on conflict do nothing;
    -- A plan has one default: this one takes its place. One administrator after the other, or two would be left.
    perform pg_advisory_xact_lock(hashtext('defaults of plans'));
    update private.plan_models g set is_default = false
    where g.is_default and g.plan_id = any (array(select jsonb_array_elements_text(change #> '{plans,default_of}')));
    update private.plan_models g set is_default = true
    where g.model_id = model_id and g.plan_id = any (array(select jsonb_array_elements_text(change #> '{plans,default_of}')));
  end if;

  delete from private.model_limits l
  using jsonb_to_recordset(change -> 'limits') as given (unit private.limit_unit, "window" private.limit_window, amount bigint)
  where l.model_id = model_id and l.unit = given.unit and l."window" = given."window" and given.amount is null;
  insert into private.model_limits as l (model_id, unit, "window", amount)
  select model_id, given.unit, given."window", given.amount
  from jsonb_to_recordset(change -> 'limits') as given (unit private.limit_unit, "window" private.limit_window, amount bigint)
  where given.amount is not null
  on conflict on constraint model_limits_pkey do update set amount = excluded.amount where l.amount <> excluded.amount;

  for route in select value from jsonb_array_elements(change -> 'routes') loop
    fault := private.change_route(model_id, route);
    exit when fault is not null;
  end loop;
  return fault;
end;
$$;

comment on function private.change_model is
  'Changes what is the operator''s of a model; what is not named stays. Answers with the name of what is at fault.';

-- API ----------------------------------------------------------------------------------------------------------------

create function public.list_all_models(query jsonb, page_limit integer, page_cursor text default null) returns setof jsonb
language sql stable security invoker set search_path = ''
as $$
  select private.describe_model(m)
  from private.models m
  where m.id > coalesce(page_cursor, '')
    and (query ->> 'id' is null or m.id = query ->> 'id')
    and (query ->> 'status' is null or m.status = (query ->> 'status')::private.model_status)
    and (query ->> 'category' is null or m.category = query ->> 'category')
    and (query ->> 'plan' is null or exists (
      select from private.plan_models g where g.model_id = m.id and g.plan_id = query ->> 'plan'
    ))
    and (query ->> 'provider' is null or exists (
      select from private.model_routes r where r.model_id = m.id and r.provider = query ->> 'provider'
    ))
    and (query ->> 'search' is null or position(lower(query ->> 'search') in lower(m.id || ' ' || m.name)) > 0)
  order by m.id
  limit page_limit;
$$;

comment on function public.list_all_models is 'Models of any status in the order of their ids, from the one after page_cursor on, with all that there is about them.';

create function public.change_models(actor_id uuid, model_ids text[], change jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '2s'
as $$
#variable_conflict use_variable
declare
  plan_ids text[] := array(
    select jsonb_array_elements_text(change #> '{plans,add}') union select jsonb_array_elements_text(change #> '{plans,default_of}')
    union select jsonb_array_elements_text(change #> '{plans,remove}')
  );
  model private.models;
  before jsonb;
  fault text;
  missing text;
begin
  -- Before any row, because a feed locks the tables first and then changes rows: the other way round the two would wait for each other.
  lock table private.models, private.model_routes in row exclusive mode;
  perform from private.models m where m.id = any (model_ids) order by m.id for no key update;
  select given.id into missing from unnest(model_ids) given (id) where not exists (select from private.models m where m.id = given.id) limit 1;
  if found then
    return jsonb_build_object('refusal', 'SL44M', 'value', missing);
  end if;
  select given.id into missing from unnest(plan_ids) given (id) where not exists (select from private.plans p where p.id = given.id) limit 1;
  if found then
    return jsonb_build_object('refusal', 'SL40L', 'param', 'plans', 'value', missing);
  end if;
  for model in select m.* from private.models m where m.id = any (model_ids) order by m.id loop
    before := private.describe_model(model);
    fault := private.change_model(model.id, change);
    if fault is not null then
      -- Nothing of it is kept.
      raise exception '% of %', fault, model.id using errcode = 'SL40R';
    end if;
    if change ? 'routes' then
      -- Who serves it may have come.
      perform private.follow_routes(array(select m.id from private.models m where m.id = model.id and m.status = 'inactive'));
    end if;
    perform private.audit(actor_id, 'model.change', model.id, change, before);
  end loop;
  return (
    select jsonb_build_object('models', jsonb_agg(private.describe_model(m) order by m.id)) from private.models m where m.id = any (model_ids)
  );
end;
$$;

comment on function public.change_models is
  'Changes models as an administrator decides, all or none, with a row of the audit log for each. Answers with them, or with a refusal (an SQLSTATE of ours) and the value that there is not.';

revoke all on function private.describe_model, private.change_route, private.change_model from public;
grant execute on function private.describe_model, private.change_route, private.change_model to service_role;
revoke all on function public.list_all_models, public.change_models from public, anon, authenticated;
grant execute on function public.list_all_models, public.change_models to service_role;
