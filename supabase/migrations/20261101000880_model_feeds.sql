-- Model feeds: how the catalogue follows what providers list.
--
-- Invariants
--   A feed is applied as a whole or not at all, and the same feed twice changes nothing.
--   What an administrator decides (status, plans, priority, limits, routes that are off) no feed changes.

-- Types --------------------------------------------------------------------------------------------------------------

create type private.feed_model as (
  id text, name text, description text, canonical_slug text, hugging_face_id text, context_tokens integer, max_output_tokens integer,
  modality text, input_modalities text[], output_modalities text[], tokenizer text, instruct_type text, listed_price jsonb,
  supported_parameters text[], default_parameters jsonb, is_moderated boolean, knowledge_cutoff date, released_at timestamptz,
  expires_on date
);

comment on type private.feed_model is 'A model as a feed describes it; its members are columns of private.models.';

create type private.feed_changes as (
  refusal text, added text[], updated text[], inactivated text[], returned text[], routes_added jsonb, prices jsonb, held_prices jsonb
);

comment on type private.feed_changes is
  'refusal says why a list was not applied, and then all else is null. Ids of models, and for routes objects that name model, provider and, of prices, what was (from) and what is listed (to).';

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.activation_rules (
  id bigint generated always as identity primary key,
  plan_id text not null references private.plans (id) on delete cascade,
  pattern text not null default '%' check (char_length(pattern) between 1 and 200),
  is_free_only boolean not null default false,
  unique (plan_id, pattern, is_free_only)
);

comment on table private.activation_rules is
  'Which models become active by themselves when they are first listed, and for which plan. Only models that answer with nothing but text: of others not everything has a price.';
comment on column private.activation_rules.pattern is 'Of their ids: % for anything, _ for any character, such as %:free.';
comment on column private.activation_rules.is_free_only is 'Only models that cost nothing.';

revoke all on private.activation_rules from public, anon, authenticated, service_role;
grant select on private.activation_rules to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.match_key(model text) returns text
language sql immutable security invoker set search_path = ''
return lower(replace(regexp_replace(model, '^.*/', ''), '.', '-'));

comment on function private.match_key is
  'What the name of a model is compared by: without the vendor, and with dots as dashes, because Anthropic writes claude-opus-4-1 where OpenRouter writes anthropic/claude-opus-4.1.';

create function private.change_models(models private.feed_model[]) returns text[]
language sql volatile security invoker set search_path = ''
as $$
  with changed as (
    update private.models m set (
      name, description, canonical_slug, hugging_face_id, context_tokens, max_output_tokens, modality, input_modalities, output_modalities,
      tokenizer, instruct_type, listed_price, supported_parameters, default_parameters, is_moderated, knowledge_cutoff, released_at, expires_on,
      last_synced_at
    ) = (
      f.name, f.description, f.canonical_slug, f.hugging_face_id, f.context_tokens, f.max_output_tokens, f.modality, f.input_modalities,
      f.output_modalities, f.tokenizer, f.instruct_type, f.listed_price, f.supported_parameters, f.default_parameters, f.is_moderated,
      f.knowledge_cutoff, f.released_at, f.expires_on, now()
    )
    from unnest(models) f
    where m.id = f.id and (
      m.id, m.name, m.description, m.canonical_slug, m.hugging_face_id, m.context_tokens, m.max_output_tokens, m.modality, m.input_modalities,
      m.output_modalities, m.tokenizer, m.instruct_type, m.listed_price, m.supported_parameters, m.default_parameters, m.is_moderated,
      m.knowledge_cutoff, m.released_at, m.expires_on
    )::private.feed_model is distinct from f
    returning m.id
  )
  select coalesce(array_agg(id order by id), '{}') from changed;
$$;

comment on function private.change_models is 'Has models be as a feed describes them. Returns the ids of those that were not.';

create function private.add_models(models private.feed_model[], free_ids text[]) returns text[]
language sql volatile security invoker set search_path = ''
as $$
  with given as (
    select
      f.*,
      array(
        select distinct r.plan_id
        from private.activation_rules r
        where f.id like r.pattern escape '' and (f.id = any (free_ids) or not r.is_free_only) and f.output_modalities = '{text}'
      ) as plan_ids
    from unnest(models) f
    where not exists (select from private.models m where m.id = f.id)
  ),
  added as (
    insert into private.models (
      id, name, description, canonical_slug, hugging_face_id, context_tokens, max_output_tokens, modality, input_modalities, output_modalities,
      tokenizer, instruct_type, listed_price, supported_parameters, default_parameters, is_moderated, knowledge_cutoff, released_at, expires_on,
      status, last_synced_at
    )
    select
      g.id, g.name, g.description, g.canonical_slug, g.hugging_face_id, g.context_tokens, g.max_output_tokens, g.modality, g.input_modalities,
      g.output_modalities, g.tokenizer, g.instruct_type, g.listed_price, g.supported_parameters, g.default_parameters, g.is_moderated,
      g.knowledge_cutoff, g.released_at, g.expires_on,
      case when g.plan_ids = '{}' then 'new' else 'active' end::private.model_status, now()
    from given g
    order by g.id
    returning id
  ),
  granted as (
    insert into private.plan_models (plan_id, model_id)
    select plan_id, g.id from given g cross join lateral unnest(g.plan_ids) plan_id
  )
  select coalesce(array_agg(id order by id), '{}') from added;
$$;

comment on function private.add_models is
  'Adds models that are not known: new, or active for the plans whose rules say so. free_ids are those that cost nothing. Returns the ids of those it added.';

create function private.list_routes(
  provider text, routes private.feed_route[], unread text[], seen_at timestamptz, out moved text[], out changed text[]
)
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
begin
  with listed as (
    select distinct on (name.value) name.value as upstream_model, f.context_tokens
    from unnest(routes) f cross join lateral (values (f.upstream_model, 0), (f.alias, 1)) name (value, place)
    where name.value is not null
    -- A name before an alias, and of several versions with one alias always the same.
    order by name.value, name.place, f.upstream_model desc
  ),
  standing as (
    select
      r.id, r.listing as old_listing, r.context_tokens as old_context_tokens,
      case
        when l.upstream_model is not null then 'listed'
        -- What is listed and could not be read stays what it was.
        when r.listing = 'listed' and r.upstream_model <> all (unread) then 'missing'
        else r.listing
      end::private.route_listing as listing,
      coalesce(l.context_tokens, r.context_tokens) as context_tokens
    from private.model_routes r
    left join listed l on l.upstream_model = r.upstream_model
    where r.provider = provider
  ),
  touched as (
    update private.model_routes r set
      listing = s.listing, context_tokens = s.context_tokens,
      last_seen_at = case when s.listing = 'missing' then coalesce(r.last_seen_at, seen_at) end
    from standing s
    where r.id = s.id and (s.listing, s.context_tokens) is distinct from (s.old_listing, s.old_context_tokens)
    returning
      r.model_id, s.old_listing <> s.listing and s.old_listing <> 'unknown' as is_moved,
      s.context_tokens is distinct from s.old_context_tokens as is_changed
  )
  select
    coalesce(array_agg(distinct model_id) filter (where is_moved), '{}'),
    coalesce(array_agg(distinct model_id) filter (where is_changed), '{}')
  into moved, changed
  from touched;
end;
$$;

comment on function private.list_routes is
  'Has the routes of a provider be known as listed or missing, with the context that the list tells; unread are names that it has and of which nothing more is known. Returns the models of which a route went missing or is back, and those of which a context changed.';

create function private.add_routes(provider text, routes private.feed_route[]) returns jsonb
language sql volatile security invoker set search_path = ''
as $$
  with wanted as (
    -- A catalogue says which model it is.
    select m.id as model_id, f.upstream_model, f.context_tokens
    from unnest(add_routes.routes) f
    join private.models m on m.id = f.model_id
    where not exists (
      select from private.model_routes r
      where r.model_id = m.id and r.provider = add_routes.provider and r.upstream_model = f.upstream_model
    )
    union all
    -- The names of a provider's own list are compared with those of its models that it does not serve yet, the one that is equal as it is first.
    (
      select distinct on (m.id) m.id, f.upstream_model, f.context_tokens
      from unnest(add_routes.routes) f
      cross join lateral (values (f.upstream_model, 0), (f.alias, 1)) name (value, place)
      join private.models m
        on m.id like add_routes.provider || '/%' and private.match_key(m.id) = private.match_key(name.value)
      where f.model_id is null
        and not exists (select from private.model_routes r where r.model_id = m.id and r.provider = add_routes.provider)
      order by m.id, name.place, f.upstream_model desc
    )
  ),
  added as (
    insert into private.model_routes (model_id, provider, upstream_model, priority, context_tokens, listing)
    -- After the provider itself, where there is a way to it.
    select
      w.model_id, add_routes.provider, w.upstream_model, case add_routes.provider when 'openrouter' then 10 else 0 end, w.context_tokens, 'listed'
    from wanted w
    order by w.model_id
    returning model_id, upstream_model
  )
  select coalesce(
    jsonb_agg(jsonb_build_object('model', model_id, 'provider', add_routes.provider, 'upstream_model', upstream_model) order by model_id), '[]'
  )
  from added;
$$;

comment on function private.add_routes is
  'Adds the routes by which a provider serves models of the catalogue and that are not known, without a price. Returns them.';

create function private.follow_routes(model_ids text[], out inactivated text[], out returned text[])
language sql volatile security invoker set search_path = ''
as $$
  with moved as (
    update private.models m set
      status = case m.status when 'inactive' then m.status_before else 'inactive' end,
      status_before = case m.status when 'inactive' then null else m.status end,
      last_synced_at = now()
    where m.id = any (model_ids) and m.status <> 'disabled' and (m.status = 'inactive') = exists (
      select from private.model_routes r
      where r.model_id = m.id and r.listing <> 'missing' and exists (select from private.route_prices p where p.route_id = r.id)
    )
    returning m.id, m.status
  )
  select
    coalesce(array_agg(id order by id) filter (where status = 'inactive'), '{}'),
    coalesce(array_agg(id order by id) filter (where status <> 'inactive'), '{}')
  from moved;
$$;

comment on function private.follow_routes is
  'Of models of which a route went missing or is back: those that no provider has any more become inactive, and inactive ones that one has are what they were. Routes that are switched off count: they say nothing of the provider. Returns their ids.';

create function private.apply_feed(run_id uuid, provider text, feed jsonb, seen_at timestamptz) returns private.feed_changes
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  models private.feed_model[] := array(select m from jsonb_populate_recordset(null::private.feed_model, feed -> 'models') m);
  routes private.feed_route[] := array(select r from jsonb_populate_recordset(null::private.feed_route, feed -> 'routes') r);
  known integer;
  lacking integer;
  changes private.feed_changes;
  unread text[] := array(select item ->> 'id' from jsonb_array_elements(feed -> 'quarantined') item);
  moved text[];
  recontexted text[];
begin
  -- Nobody else changes what the feed is compared with; who reads is not held up.
  lock table private.models, private.model_routes in share row exclusive mode;
  -- What was switched off is not counted: by that an administrator says that it is gone for good.
  select count(*), count(*) filter (where name.listed is null)
  into known, lacking
  from private.model_routes r
  join private.models m on m.id = r.model_id and m.status <> 'disabled'
  left join (
    select f.upstream_model from unnest(routes) f union select f.alias from unnest(routes) f
  ) name (listed) on name.listed = r.upstream_model
  where r.provider = provider and r.listing = 'listed' and r.is_enabled;
  if lacking > 0.3 * known then
    changes.refusal := format(
      'The list lacks %s of the %s models that the last one had: more than 30 %%. If they are gone for good, disable them.', lacking, known
    );
    return changes;
  end if;

  changes.updated := private.change_models(models);
  changes.added := private.add_models(models, array(
    select f.model_id from unnest(routes) f
    where private.is_free(f.price)
  ));
  select l.moved, l.changed into moved, recontexted from private.list_routes(provider, routes, unread, seen_at) l;
  changes.routes_added := private.add_routes(provider, routes);
  select p.changed, p.held into changes.prices, changes.held_prices from private.change_prices(run_id, provider, routes) p;
  select f.inactivated, f.returned into changes.inactivated, changes.returned from private.follow_routes(moved) f;
  insert into private.alerts (kind, event, data)
  select 'default_gone', format('default %s of %s %s', g.model_id, g.plan_id, run_id), jsonb_build_object('plan', g.plan_id, 'model', g.model_id)
  from private.plan_models g
  where g.is_default and g.model_id = any (changes.inactivated)
  on conflict (event) do nothing;
  changes.updated := array(
    select unnest(changes.updated) union select unnest(recontexted) union select p ->> 'model' from jsonb_array_elements(changes.prices) p
    order by 1
  );
  return changes;
end;
$$;

comment on function private.apply_feed is
  'Has the catalogue be as a provider lists it, and returns what changed. Refuses a list that lacks more than 30 % of what the last one had. seen_at is when the last one was read.';

revoke all on function private.match_key, private.change_models, private.add_models, private.list_routes, private.add_routes,
  private.follow_routes, private.apply_feed from public;
grant execute on function private.match_key, private.change_models, private.add_models, private.list_routes, private.add_routes,
  private.follow_routes, private.apply_feed to service_role;
