-- Placing holds: whether a request fits into every limit, decided and taken in one statement.
--
-- Invariants
--   A refusal takes nothing, and names the limit that is used up, when it resets and which plan would help.
--   What takes nothing from a limit, as a chat with the caller's own key from a budget, is not refused by it, be it overdrawn.
--   Limits of one provider close the routes to that provider: the request is refused only where no route is left.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.place_wave(requests private.hold_request[], slots bigint[], shared bigint[]) returns setof private.hold_decision
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- Everything about a request is on its own row, so that the work grows with the number of requests and not with its square.
  return query
  with counted as (
    select r.*, array(
      select (
        coalesce(w.id, nextval('private.usage_window_ids')), false, l.scope, l.scope_id, l.unit, l."window", l.amount,
        l.amount + case when period.is_running then w.credited else 0 end + coalesce(credit.left_nano, 0),
        (period.span).period_start, (period.span).period_end,
        coalesce(w.epoch, 0) + (not period.is_running)::integer,
        case when period.is_running then w.used else 0 end, case when period.is_running then w.held else 0 end,
        case when period.is_running then w.credited else 0 end, case when period.is_running then w.alerted else 0 end,
        case l.unit when 'tokens' then r.prompt_tokens when 'nano_usd' then ceil(r.prompt_nano) else 1 end
      )::private.claim
      from unnest(r.limits) l
      left join private.usage_windows w
        on w.user_id = r.user_id and w.scope = l.scope and w.scope_id = l.scope_id and w.unit = l.unit and w."window" = l."window"
        and w.slot = 0
      cross join lateral (
        select coalesce(w.period_end > now(), false) as is_running, case
          when w.period_end > now() then (w.period_start, w.period_end)::private.period
          else private.period_of(l."window", r.calendar, now())
        end as span
      ) period
      left join private.credit_left credit
        on credit.user_id = r.user_id and l.scope = 'all' and l.unit = 'nano_usd' and l."window" = 'month'
      where not l.is_rate
    ) || array(
      select (
        w.id, true, w.scope, w.scope_id, w.unit, w."window", w."limit", w.share, w.period_start, w.period_end, w.epoch,
        w.used, w.held, 0, w.alerted,
        case w.unit when 'tokens' then r.prompt_tokens when 'nano_usd' then ceil(r.prompt_nano) else 1 end
      )::private.claim
      from private.usage_windows w
      where w.id = any (slots)
        and case w.scope when 'all' then true when 'model' then w.scope_id = r.model_id else w.scope_id = any (r.providers) end
    ) as prompt_claims
    from private.price_requests(requests, slots, shared) r
  ),
  -- A shorter answer is better than none: the output shrinks to what is left, down to 64 tokens, below which it is of no use. Where
  -- providers have limits of their own, it is as long as one of them allows.
  sized as (
    select c.*, greatest(least(c.max_output_tokens, room.output_tokens, room.provider_output_tokens), least(c.max_output_tokens, 64))::integer
      as output_tokens
    from counted c
    cross join lateral (
      select
        min(of_scope.output_tokens) filter (where of_scope.provider is null) as output_tokens,
        -- Of providers without limits nothing is here, so that only where all have some they count.
        case when count(of_scope.provider) = (select count(distinct p) from unnest(c.providers) p)
          then max(coalesce(of_scope.output_tokens, c.max_output_tokens)) filter (where of_scope.provider is not null) end
          as provider_output_tokens
      from (
        select
          case p.scope when 'provider' then p.scope_id end as provider,
          min(floor(case
            when p.unit = 'tokens' then p.ceiling - p.used - p.held - c.prompt_tokens
            when p.unit <> 'nano_usd' then case when p.used + p.held + p.amount > p.ceiling then -1 end
            when c.output_token_nano > 0 then (p.ceiling - p.used - p.held - c.prompt_nano) / c.output_token_nano
            when p.amount > 0 and p.used + p.held + p.amount > p.ceiling then -1
          end)) as output_tokens
        from unnest(c.prompt_claims) p
        where p.window_id <> all (shared)
        group by 1
      ) of_scope
    ) room
  ),
  -- Materialized, as what follows refers to them many times, and each time they would be worked out anew.
  claimed as materialized (
    select
      s.*,
      array(
        select (
          p.window_id, p.is_project, p.scope, p.scope_id, p.unit, p."window", p."limit", p.ceiling, p.period_start, p.period_end,
          p.epoch, p.used, p.held, p.credited, p.alerted,
          case p.unit
            when 'tokens' then s.prompt_tokens + s.output_tokens
            when 'nano_usd' then ceil(s.prompt_nano + s.output_tokens * s.output_token_nano)
            else 1
          end
        )::private.claim
        from unnest(s.prompt_claims) p
      ) as all_claims,
      array(
        select (
          l.scope, l.scope_id, l.amount,
          greatest(case when q."limit" = l.amount then q.next_at else private.next_arrival(q, l.amount) end, now())
            + interval '1 minute' / l.amount
        )::private.pace
        from unnest(s.limits) l
        left join private.request_rates q on q.user_id = s.user_id and q.scope = l.scope and q.scope_id = l.scope_id
        where l.is_rate
      ) as paces
    from sized s
  ),
  routed as materialized (
    select c.*, array(
      select p from unnest(c.providers) p
      where p <> all (c.closed_providers) and p <> all (array(
        select a.scope_id from unnest(c.all_claims) a
        where a.scope = 'provider' and a.amount > 0 and a.used + a.held + a.amount > a.ceiling and a.window_id <> all (shared)
      ))
    ) as open_providers
    from claimed c
  ),
  decided as materialized (
    select
      c.*, mine.claims,
      case
        when c.routes is null and c.service is null then 'SL503'
        else coalesce(exhausted.refusal, case when too_fast.detail is not null then 'SL429' end)
      end as refusal,
      coalesce(exhausted.detail, too_fast.detail) as detail
    from routed c
    cross join lateral (
      -- A service may settle for more than it held, be it nothing; what a chat takes nothing from it never costs anything of.
      select array(
        select a from unnest(c.all_claims) a
        where (a.scope <> 'provider' or a.scope_id = any (c.open_providers))
          and (a.amount > 0 or not a.is_project or c.service is not null)
      ) as claims
    ) mine
    -- Of several exhausted limits the one that resets last: waiting for an earlier one would not help. Of several providers the one
    -- that is back first.
    left join lateral (
      select
        case when e.helps then 'SL429' else 'SL402' end as refusal,
        json_build_object(
          'owner', case when e.is_project then 'project' else 'caller' end,
          'unit', e.unit, 'window', e."window", 'scope', e.scope, 'scope_id', e.scope_id, 'limit', e."limit",
          'used', e.used - e.credited, 'held', e.held, 'resets_at', nullif(e.period_end, 'infinity'),
          'retry_after_ms', case
            when e."window" = 'instant' then 2000
            when e.helps then ceil(1000 * extract(epoch from e.period_end - now()))
          end,
          'upgrade', case when not e.is_project and e.scope <> 'api_key' then private.find_upgrade(
            c.user_id, c.plan_id, c.model_id, array(
              -- What the project has used up no plan opens.
              select p from unnest(c.providers) p where p <> all (array(
                select a.scope_id from unnest(c.all_claims) a
                where a.is_project and a.scope = 'provider' and a.amount > 0 and a.used + a.held + a.amount > a.ceiling
              ))
            ), c.prompt_tokens + c.output_tokens,
            ceil(c.prompt_nano + c.output_tokens * c.output_token_nano)::bigint
          ) end
        ) as detail
      from (
        select
          a.*, waiting.helps,
          case a.scope when 'provider' then max(case when not waiting.helps then a.period_end end) over (partition by a.scope, a.scope_id) end
            as provider_back_at
        from unnest(c.all_claims) a
        cross join lateral (select a."window" in ('minute', 'instant') and a.amount <= a."limit" as helps) waiting
        where a.amount > 0 and a.used + a.held + a.amount > a.ceiling and a.window_id <> all (shared)
          and (a.scope <> 'provider' or c.open_providers = '{}')
      ) e
      order by e.scope = 'provider', e.provider_back_at nulls first, e.helps, e.period_end desc
      limit 1
    ) exhausted on true
    -- A whole minute's requests may come at once; after that one each time an evenly spaced one would be due.
    left join lateral (
      select json_build_object(
        'owner', 'caller', 'unit', 'requests', 'window', 'minute', 'scope', f.scope, 'scope_id', f.scope_id, 'limit', f."limit",
        'resets_at', f.next_at - burst.tolerance,
        'retry_after_ms', ceil(1000 * extract(epoch from f.next_at - burst.tolerance - now()))
      ) as detail
      from unnest(c.paces) f
      -- The spacing is rounded to microseconds: so many of them may have come together.
      cross join lateral (select interval '1 minute' + f."limit" * interval '1 microsecond' as tolerance) burst
      where f.next_at > now() + burst.tolerance
      order by f.next_at desc
      limit 1
    ) too_fast on true
  ),
  taken as (
    insert into private.usage_windows as w
      (id, user_id, scope, scope_id, unit, "window", epoch, period_start, period_end, used, held, credited, alerted, "limit")
    select
      c.window_id, d.user_id, c.scope, c.scope_id, c.unit, c."window", c.epoch, c.period_start, c.period_end,
      c.used, c.held + c.amount, c.credited, c.alerted, c."limit"
    from decided d
    cross join lateral unnest(d.claims) c
    where d.refusal is null and not c.is_project
    on conflict (user_id, scope, scope_id, unit, "window", slot) do update set
      epoch = excluded.epoch, period_start = excluded.period_start, period_end = excluded.period_end, used = excluded.used,
      held = excluded.held, credited = excluded.credited, "limit" = excluded."limit",
      -- Of another limit nothing was told yet.
      alerted = case when w."limit" = excluded."limit" then excluded.alerted else 0 end
  ),
  taken_of_project as (
    update private.usage_windows w set held = w.held + t.amount
    from (
      select c.window_id, sum(c.amount) as amount
      from decided d cross join lateral unnest(d.claims) c
      where d.refusal is null and c.is_project and c.amount > 0
      group by 1
    ) t
    where w.id = t.window_id
  ),
  paced as (
    insert into private.request_rates (user_id, scope, scope_id, next_at, "limit")
    select d.user_id, p.scope, p.scope_id, p.next_at, p."limit"
    from decided d
    cross join lateral unnest(d.paces) p
    where d.refusal is null
    on conflict (user_id, scope, scope_id) do update set next_at = excluded.next_at, "limit" = excluded."limit"
  ),
  -- A rate that has changed is worked out anew once, also where the request is refused.
  converted as (
    update private.request_rates q set next_at = private.next_arrival(q, p."limit"), "limit" = p."limit"
    from decided d
    cross join lateral unnest(d.paces) p
    where d.refusal is not null and q.user_id = d.user_id and q.scope = p.scope and q.scope_id = p.scope_id and q."limit" <> p."limit"
  ),
  placed as (
    insert into private.holds (
      id, user_id, conversation_id, plan_id, model_id, service, api_key_id, is_byok, price_ids, prompt_tokens, likely_prompt_tokens,
      max_output_tokens, reservations, credit_nano, expires_at
    )
    select
      d.hold_id, d.user_id, d.conversation_id, d.plan_id, d.model_id, d.service, d.api_key_id, d.is_byok,
      -- What goes to a provider that is used up can neither be called nor charged.
      case when d.providers <@ d.open_providers then d.price_ids else array(
        select (r.route ->> 'price_id')::bigint
        from json_array_elements(d.routes) with ordinality r (route, place)
        where r.route ->> 'provider' = any (d.open_providers)
        order by r.place
      ) end,
      d.prompt_tokens,
      d.likely_prompt_tokens, d.output_tokens,
      array(select (c.window_id, c.epoch, c.amount, c.amount)::private.reservation from unnest(d.claims) c),
      coalesce((
        select least(greatest(c.used + c.held + c.amount - c."limit" - c.credited, 0), c.amount)
        from unnest(d.claims) c
        where c.scope = 'all' and c.unit = 'nano_usd' and c."window" = 'month' and not c.is_project
      ), 0),
      now() + interval '10 minutes'
    from decided d
    where d.refusal is null
  )
  select
    d.hold_id,
    case when d.providers <@ d.open_providers then d.routes else (
      select json_agg(r) from json_array_elements(d.routes) r where r ->> 'provider' = any (d.open_providers)
    ) end,
    d.route_ids, d.providers, d.output_tokens,
    (
      select coalesce(json_agg(l), '[]')
      from (
        select
          c.scope, c.scope_id, c.unit, c."window", c."limit", c.used - c.credited as used,
          c.held + case when d.refusal is null then c.amount else 0 end as held, nullif(c.period_end, 'infinity') as resets_at
        from unnest(d.claims) c
        where not c.is_project
        union all
        -- Of a rate is used what could not be sent at this moment.
        select
          p.scope, p.scope_id, 'requests', 'minute', p."limit",
          greatest(least(ceil(p."limit" * extract(epoch from whole.at - now()) / 60 - 0.001), p."limit"), 0)::bigint, 0, whole.at
        from unnest(d.paces) p
        cross join lateral (
          select p.next_at - case when d.refusal is null then interval '0' else interval '1 minute' / p."limit" end as at
        ) whole
      ) l
    ),
    d.refusal, d.detail
  from decided d;

  -- Together the requests may want more than the part of a limit that was at hand.
  if slots <> '{}' and exists (
    select
    from unnest(requests) q
    join private.holds h on h.id = q.hold_id
    cross join lateral unnest(h.reservations) r
    join private.usage_windows w on w.id = r.window_id
    where w.id = any (slots) and r.amount > 0 and w.used + w.held > w.share
  ) then
    raise lock_not_available using message = 'the slot has not room for all';
  end if;
end;
$$;

comment on function private.place_wave is
  'Decides and takes in one statement, for callers who are locked and each occur once. slots are the windows of the project''s limits; of those that are shared only a part is at hand: what does not fit raises lock_not_available. Ten minutes is the longest life of a worker and a margin.';

revoke all on function private.place_wave from public;
grant execute on function private.place_wave to service_role;
