-- Model lists: what callers are told of the models they may use.
--
-- Invariants
--   A model is listed for exactly those who may call it: it is active, the plan has it, and somebody serves it at a known price.
--   A list is as new as the version that was asked for before it was made, or newer.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.default_choice as (model_id text, unavailable text);

comment on type private.default_choice is
  'The model of a request that names none: the caller''s own, else the plan''s. unavailable is the caller''s own where it cannot be used now.';

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.model_ratings (
  model_id text primary key references private.models (id) on delete cascade,
  answers bigint not null check (answers > 0),
  broken bigint not null check (broken between 0 and answers),
  rated_at timestamptz not null default now()
);

comment on table private.model_ratings is 'How the provider calls of a model went in the last day, as the ledger has it.';
comment on column private.model_ratings.broken is 'Those that broke off, or of whose end nothing was heard.';

revoke all on private.model_ratings from public, anon, authenticated, service_role;
grant select on private.model_ratings to service_role;

select private.note_changes_of('private.model_ratings');

-- Views -------------------------------------------------------------------------------------------------------------

create view private.usable_models with (security_invoker = true) as
  select g.plan_id, m.*, g.is_default
  from private.plan_models g
  join private.models m on m.id = g.model_id and m.status = 'active'
  where exists (
    select from private.model_routes r
    where r.model_id = m.id and r.is_enabled and r.listing <> 'missing'
      and exists (select from private.route_prices p where p.route_id = r.id and p.valid_from <= now())
  );

comment on view private.usable_models is 'The models that callers of a plan can call.';

revoke all on private.usable_models from public, anon, authenticated, service_role;
grant select on private.usable_models to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.rate_models() returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  changed integer;
begin
  with rating as (
    select l.model_id, count(*) as answers, count(*) filter (where l.outcome <> 'completed') as broken
    from private.ledger l
    where l.held_at > now() - interval '1 day' and l.entry = 'charge' and l.model_id is not null
      and exists (select from private.models m where m.id = l.model_id)
    group by l.model_id
  ),
  gone as (
    delete from private.model_ratings r where not exists (select from rating where rating.model_id = r.model_id)
    returning r.model_id
  ),
  rated as (
    insert into private.model_ratings as r (model_id, answers, broken)
    select * from rating
    on conflict (model_id) do update set answers = excluded.answers, broken = excluded.broken, rated_at = now()
    where (r.answers, r.broken) is distinct from (excluded.answers, excluded.broken)
    returning r.model_id
  )
  select (select count(*) from gone) + (select count(*) from rated) into changed;
  return changed;
end;
$$;

comment on function private.rate_models is 'Takes down how the provider calls of the last day went. Returns how many ratings that changed.';

create function private.describe_models(plan_id text, query jsonb) returns json
language sql stable security invoker set search_path = ''
as $$
  with listed as materialized (
    select m.*, offer.*
    from private.usable_models m
    -- What the route charges that is tried first; free is what no route charges for.
    cross join lateral (
      select
        array_agg(distinct r.provider order by r.provider) as providers,
        (array_agg(p::private.price
          order by case m.route_order when 'priority' then r.priority else 3 * p.input_usd + p.output_usd end, r.id))[1] as price,
        bool_and(private.is_free(p)) as is_free
      from private.model_routes r
      cross join lateral private.price_of(r.id) p
      where r.model_id = m.id and r.is_enabled and r.listing <> 'missing' and p.input_usd is not null
    ) offer
    where m.plan_id = describe_models.plan_id
      and (query ->> 'id' is null or m.id = query ->> 'id')
      and (query ->> 'category' is null or m.category = query ->> 'category')
      and (query ->> 'provider' is null or query ->> 'provider' = any (offer.providers))
      and (query ->> 'modality' is null or query ->> 'modality' = any (m.input_modalities || m.output_modalities))
      and (query ->> 'search' is null or position(lower(query ->> 'search') in lower(m.id || ' ' || m.name)) > 0)
      and (query -> 'free' is null or (query -> 'free')::boolean = offer.is_free)
  ),
  described as (
    select
      l.id, l.priority, l.output_modalities, l.price, rating.answers >= 20 and rating.broken > 0.1 * rating.answers as is_failing,
      jsonb_build_object(
        'id', l.id, 'name', l.name, 'category', l.category, 'tags', l.tags, 'providers', l.providers, 'context_tokens', l.context_tokens,
        'max_output_tokens', l.max_output_tokens, 'input_modalities', l.input_modalities, 'output_modalities', l.output_modalities,
        'supported_parameters', l.supported_parameters, 'price', private.describe_price(l.price), 'limits', limits.list,
        'created_at', l.created_at
      )
      || case when (query -> 'enhanced')::boolean then jsonb_build_object(
        'description', l.description, 'canonical_slug', l.canonical_slug, 'hugging_face_id', l.hugging_face_id, 'modality', l.modality,
        'tokenizer', l.tokenizer, 'instruct_type', l.instruct_type, 'listed_price', l.listed_price, 'default_parameters', l.default_parameters,
        'is_moderated', l.is_moderated, 'knowledge_cutoff', l.knowledge_cutoff, 'released_at', l.released_at, 'expires_on', l.expires_on,
        'success_rate', round(1 - rating.broken::numeric / rating.answers, 3)
      ) else '{}' end as model
    from listed l
    left join private.model_ratings rating on rating.model_id = l.id
    cross join lateral (
      select coalesce(jsonb_agg(jsonb_build_object('unit', limit_of.unit, 'window', limit_of."window", 'amount', limit_of.amount)
        order by limit_of.unit, limit_of."window"), '[]') as list
      from (
        select distinct on (own.unit, own."window") own.unit, own."window", own.amount
        from (
          select p.unit, p."window", p.amount, 0 as place
          from private.plan_limits p
          where p.plan_id = describe_models.plan_id and p.scope = 'model' and p.scope_id = l.id
          union all
          select c.unit, c."window", c.amount, 1 from private.model_limits c where c.model_id = l.id
        ) own
        order by own.unit, own."window", own.place
      ) limit_of
    ) limits
  )
  select json_build_object(
    'models', coalesce((select json_agg(d.model order by d.priority, d.id) from described d), '[]'),
    -- Those that the operator puts first and, of these, the cheaper ones; none that often breaks off.
    'recommended', array(
      select d.id from described d
      where 'text' = any (d.output_modalities) and d.is_failing is not true
      order by d.priority, 3 * (d.price).input_usd + (d.price).output_usd, d.id
      limit 3
    )
  );
$$;

comment on function private.describe_models is
  'The models of a plan as callers are told of them, the ones that are listed first first; of query id, category, provider, modality, search and free choose, enhanced tells all. And the ids of up to three to recommend.';

-- In PL/pgSQL, which plans a statement once a session: it is asked for with every chat that names no model.
create function private.default_model(user_id uuid, plan_id text) returns private.default_choice
language plpgsql stable security invoker set search_path = ''
as $$
begin
  return (select (
    coalesce(own.id, (select g.model_id from private.plan_models g where g.plan_id = default_model.plan_id and g.is_default)),
    case when own.id is null then chosen.default_model_id end
  )::private.default_choice
  from (values (1)) one
  left join private.preferences chosen on chosen.user_id = default_model.user_id
  left join private.usable_models own on own.plan_id = default_model.plan_id and own.id = chosen.default_model_id);
end;
$$;

comment on function private.default_model is 'Which model a request of a caller that names none goes to.';

create function private.usable_default(user_id uuid, plan_id text, out usable_id text, out unavailable text)
language plpgsql stable security invoker set search_path = ''
as $$
declare
  choice private.default_choice := private.default_model(user_id, plan_id);
begin
  unavailable := choice.unavailable;
  select m.id into usable_id from private.usable_models m where m.plan_id = usable_default.plan_id and m.id = choice.model_id;
end;
$$;

comment on function private.usable_default is 'The same, but null where nobody serves it now.';

revoke all on function private.rate_models, private.describe_models, private.default_model, private.usable_default from public;
grant execute on function private.describe_models, private.default_model, private.usable_default to service_role;

-- API ---------------------------------------------------------------------------------------------------------------

create function public.find_model_lists(user_ids uuid[]) returns setof json
language sql stable security invoker set search_path = ''
as $$
  select case when plan.id is not null then json_build_object(
    'plan_id', plan.id, 'version', now.version, 'changed_at', now.changed_at, 'default_model', d.usable_id,
    'unavailable_default_model', d.unavailable
  ) end
  from unnest(user_ids) with ordinality asked (user_id, place)
  cross join (
    select private.catalogue_version() as version, max(c.changed_at) as changed_at
    from private.catalogue_changes c
    where c.changed_at <= now()
  ) now
  left join private.current_accounts a on a.user_id = asked.user_id
  left join private.plans preset on asked.user_id is null and preset.is_default
  cross join lateral (select coalesce(a.plan_id, preset.id) as id) plan
  left join lateral private.usable_default(asked.user_id, plan.id) d on true
  order by asked.place;
$$;

comment on function public.find_model_lists is
  'For each caller, or visitor (null), whose list of models is told: that of a plan, at a version of the catalogue. Null for a caller that there is not.';

create function public.make_model_list(plan_id text, query jsonb) returns json
language sql stable security invoker set search_path = ''
return private.describe_models(plan_id, query);

comment on function public.make_model_list is 'The models of a plan, as describe_models tells them.';

create function public.find_model_by_name(name text) returns text
language sql stable security invoker set search_path = ''
as $$
  select m.id
  from private.models m
  where m.id = find_model_by_name.name or exists (
    select from private.model_routes r where r.model_id = m.id and r.upstream_model = find_model_by_name.name and r.is_enabled and r.listing <> 'missing'
  )
  order by m.id <> find_model_by_name.name, m.status <> 'active', m.priority, m.id
  limit 1;
$$;

comment on function public.find_model_by_name is
  'The id of the model that has this id, or that a provider calls by this name: how apps knew models that called providers themselves. Null where there is none.';

revoke all on function public.find_model_lists, public.make_model_list, public.find_model_by_name from public, anon, authenticated;
grant execute on function public.find_model_lists, public.make_model_list, public.find_model_by_name to service_role;
