-- Refusals: what a caller is told of limits, when a request does not fit and when it does.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.find_upgrade(user_id uuid, plan_id text, model_id text, providers text[], tokens bigint, nano bigint) returns text
language sql stable security invoker set search_path = ''
as $$
  select better.id
  from private.plans better
  cross join lateral (
    select
      bool_and(claim.fits) filter (where k.scope <> 'provider') is not false as fits,
      array_agg(k.scope_id) filter (where k.scope = 'provider' and not claim.fits) as closed_providers
    from (
      select l.scope, l.scope_id, l.unit, l."window" from private.plan_limits l where l.plan_id = better.id
      union select 'model', m.model_id, m.unit, m."window" from private.model_limits m where m.model_id = find_upgrade.model_id
      union select o.scope, o.scope_id, o.unit, o."window" from private.limit_overrides o where o.user_id = find_upgrade.user_id
    ) k
    left join private.plan_limits l
      on l.plan_id = better.id and l.scope = k.scope and l.scope_id = k.scope_id and l.unit = k.unit and l."window" = k."window"
    left join private.model_limits m
      on k.scope = 'model' and m.model_id = k.scope_id and m.unit = k.unit and m."window" = k."window"
    left join private.limit_overrides o
      on o.user_id = find_upgrade.user_id and o.scope = k.scope and o.scope_id = k.scope_id and o.unit = k.unit
      and o."window" = k."window" and o.expires_at > now()
    left join private.usage_windows w
      on w.user_id = find_upgrade.user_id and w.scope = k.scope and w.scope_id = k.scope_id and w.unit = k.unit
      and w."window" = k."window" and w.period_end > now()
    left join private.credit_left credit
      on credit.user_id = find_upgrade.user_id and k.scope = 'all' and k.unit = 'nano_usd' and k."window" = 'month'
    cross join lateral (
      -- No limit is no hindrance, nor is one that nothing is taken from.
      select need.amount = 0 or (
        coalesce(w.used + w.held, 0) + need.amount
        <= case when o.user_id is null then coalesce(l.amount, m.amount) else o.amount end
          + coalesce(w.credited, 0) + coalesce(credit.left_nano, 0)
      ) is not false as fits
      from (values (case k.unit when 'tokens' then tokens when 'nano_usd' then nano else 1 end)) need (amount)
    ) claim
    where case k.scope
      when 'all' then k.unit <> 'requests' or k."window" <> 'minute'
      when 'model' then k.scope_id = find_upgrade.model_id and (k.unit <> 'requests' or k."window" <> 'minute')
      else k.scope_id = any (providers)
    end
  ) plan
  where better.rank > (select rank from private.plans where id = find_upgrade.plan_id)
    and (find_upgrade.model_id is null or exists (
      select from private.plan_models granted where granted.plan_id = better.id and granted.model_id = find_upgrade.model_id
    ))
    and plan.fits and not providers <@ coalesce(plan.closed_providers, '{}')
  order by better.rank
  limit 1;
$$;

comment on function private.find_upgrade is
  'The cheapest dearer plan that has the model and whose limits, with what the caller has used so far, would let the request through; null when there is none. Rates apart: they pass.';

revoke all on function private.find_upgrade from public;
grant execute on function private.find_upgrade to service_role;
