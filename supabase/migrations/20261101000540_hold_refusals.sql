-- Refusals: what a caller is told of limits, when a request does not fit and when it does.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.find_upgrade(user_id uuid, plan_id text, model_id text, claims private.claim[]) returns text
language sql stable security invoker set search_path = ''
as $$
  select better.id
  from private.plans better
  where better.rank > (select rank from private.plans where id = find_upgrade.plan_id)
    and (find_upgrade.model_id is null or exists (
      select from private.plan_models granted where granted.plan_id = better.id and granted.model_id = find_upgrade.model_id
    ))
    and not exists (
      select
      from unnest(claims) c
      left join private.plan_limits l
        on l.plan_id = better.id and l.scope = c.scope and l.scope_id = c.scope_id and l.unit = c.unit and l."window" = c."window"
      left join private.model_limits m
        on c.scope = 'model' and m.model_id = c.scope_id and m.unit = c.unit and m."window" = c."window"
      left join private.limit_overrides o
        on o.user_id = find_upgrade.user_id and o.scope = c.scope and o.scope_id = c.scope_id and o.unit = c.unit
        and o."window" = c."window" and o.expires_at > now()
      where c.used + c.held + c.amount
        > case when o.user_id is null then coalesce(l.amount, m.amount) else o.amount end + c.ceiling - c."limit"
    )
  order by better.rank
  limit 1;
$$;

comment on function private.find_upgrade is
  'The cheapest dearer plan that has the model and under which the caller''s limits would cover all these claims; null when there is none.';

create function private.describe_limits(claims private.claim[], paces private.pace[], are_taken boolean) returns json
language sql stable security invoker set search_path = ''
as $$
  select coalesce(json_agg(l), '[]')
  from (
    select
      c.scope, c.scope_id, c.unit, c."window", c."limit", c.used - c.credited as used,
      c.held + case when are_taken then c.amount else 0 end as held,
      nullif(c.period_end, 'infinity') as resets_at
    from unnest(claims) c
    where not c.is_project
    union all
    -- Of a rate is used what could not be sent at this moment.
    select
      p.scope, p.scope_id, 'requests', 'minute', p."limit",
      greatest(least(ceil(p."limit" * extract(epoch from whole.at - now()) / 60 - 0.001), p."limit"), 0)::bigint, 0, whole.at
    from unnest(paces) p
    cross join lateral (
      select p.next_at - case when are_taken then interval '0' else interval '1 minute' / p."limit" end as at
    ) whole
  ) l;
$$;

comment on function private.describe_limits is 'The limits of a caller: once these claims and paces have been taken, or as they stand without.';

revoke all on function private.find_upgrade, private.describe_limits from public;
grant execute on function private.find_upgrade, private.describe_limits to service_role;
