-- Placing holds: whether a request fits into every limit, decided and taken in one statement.
--
-- Invariant: a refusal takes nothing, and names the limit that is used up, when it resets and which plan would help.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.find_upgrade(plan_id text, model_id text, claims private.claim[]) returns text
language sql stable security invoker set search_path = ''
as $$
  select better.id
  from private.plans better
  join private.plan_models granted on granted.plan_id = better.id and granted.model_id = find_upgrade.model_id
  where better.rank > (select rank from private.plans where id = find_upgrade.plan_id)
    and not exists (
      select
      from unnest(claims) c
      join private.plan_limits l
        on l.plan_id = better.id and l.scope = c.scope and l.scope_id = c.scope_id and l.unit = c.unit and l."window" = c."window"
      where l.amount < c.used + c.held + c.amount
    )
  order by better.rank
  limit 1;
$$;

comment on function private.find_upgrade is 'The cheapest dearer plan that has the model and whose limits would cover all these claims; null when there is none.';

create function private.place_wave(requests private.hold_request[]) returns setof private.hold_decision
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  -- Everything about a request is on its own row, so that the work grows with the number of requests and not with its square.
  return query
  with priced as materialized (
    select p.* from private.priced_models p where p.model_id = any (array(select distinct r.model_id from unnest(requests) r))
  ),
  request as materialized (
    select
      r.hold_id, r.user_id, r.conversation_id, r.model_id, r.max_output_tokens,
      account.plan_id, account.anchor_at, priced.routes, priced.route_ids, priced.providers, priced.price_ids,
      bound.tokens as prompt_tokens,
      -- About 4 bytes a token (OpenAI's rule of thumb for English) with 4 tokens a message, and most images below a thousand.
      least(
        ceil(r.prompt_bytes / 4.0) + 4 * r.prompt_messages + 3 + least(r.image_tokens, 1000) * r.images, bound.tokens
      ) as likely_prompt_tokens,
      1e9 * bound.tokens * priced.dearest_input_usd as prompt_nano,
      1e9 * priced.dearest_output_usd as output_token_nano
    from unnest(requests) r
    join private.accounts account on account.user_id = r.user_id
    left join priced on priced.model_id = r.model_id
    -- The most the prompt can be billed for: a byte-level tokenizer never makes more tokens than bytes, framing takes 3 or 4
    -- tokens a message (OpenAI's cookbook; 16 is above every provider's), images have a ceiling, and no provider takes more than
    -- it has room for.
    cross join lateral (
      select least(r.prompt_bytes + 16 * r.prompt_messages + 16 + r.overhead_tokens + r.image_tokens::bigint * r.images, r.most_prompt_tokens) as tokens
    ) bound
  ),
  counted as (
    select r.*, array(
      select (
        coalesce(w.id, nextval('private.usage_window_ids')), l.scope, l.scope_id, l.unit, l."window", l.amount,
        period.period_start, period.period_end,
        coalesce(w.epoch, 0) + (not period.is_running)::integer,
        case when period.is_running then w.used else 0 end,
        case when period.is_running then w.held else 0 end,
        case l.unit when 'requests' then 1 when 'tokens' then r.prompt_tokens when 'nano_usd' then ceil(r.prompt_nano) end
      )::private.claim
      from private.plan_limits l
      left join private.usage_windows w
        on w.user_id = r.user_id and w.scope = l.scope and w.scope_id = l.scope_id and w.unit = l.unit and w."window" = l."window"
      cross join lateral (
        select w.period_start, w.period_end, true as is_running where w.period_end > now()
        union all
        select p.period_start, p.period_end, false
        from private.period_of(l."window", r.anchor_at, now()) p
        where w.period_end > now() is not true
      ) period
      where l.plan_id = r.plan_id and l."window" <> 'minute' and (l.scope = 'all' or l.scope_id = r.model_id)
    ) as prompt_claims
    from request r
  ),
  -- A shorter answer is better than none: the output shrinks to what is left, down to 64 tokens, below which it is of no use.
  sized as (
    select c.*, greatest(least(c.max_output_tokens, room.output_tokens), least(c.max_output_tokens, 64))::integer as output_tokens
    from counted c
    cross join lateral (
      select min(floor(case
        when p.unit = 'tokens' then p."limit" - p.used - p.held - c.prompt_tokens
        when p.unit = 'nano_usd' and c.output_token_nano > 0
          then (p."limit" - p.used - p.held - c.prompt_nano) / c.output_token_nano
      end)) as output_tokens
      from unnest(c.prompt_claims) p
    ) room
  ),
  claimed as (
    select
      s.*,
      array(
        select (
          p.window_id, p.scope, p.scope_id, p.unit, p."window", p."limit", p.period_start, p.period_end, p.epoch, p.used, p.held,
          case p.unit
            when 'requests' then 1
            when 'tokens' then s.prompt_tokens + s.output_tokens
            when 'nano_usd' then ceil(s.prompt_nano + s.output_tokens * s.output_token_nano)
          end
        )::private.claim
        from unnest(s.prompt_claims) p
      ) as claims,
      array(
        select (
          l.scope, l.scope_id, l.amount, greatest(q.next_at, now()) + interval '1 minute' / l.amount
        )::private.pace
        from private.plan_limits l
        left join private.request_rates q on q.user_id = s.user_id and q.scope = l.scope and q.scope_id = l.scope_id
        where l.plan_id = s.plan_id and l."window" = 'minute' and (l.scope = 'all' or l.scope_id = s.model_id)
      ) as paces
    from sized s
  ),
  decided as materialized (
    select
      c.*,
      case
        when c.routes is null then 'SL503'
        when exhausted.detail is not null then 'SL402'
        when too_fast.detail is not null then 'SL429'
      end as refusal,
      coalesce(exhausted.detail, too_fast.detail) as detail
    from claimed c
    -- Of several exhausted limits the one that resets last: waiting for an earlier one would not help.
    left join lateral (
      select json_build_object(
        'unit', e.unit, 'window', e."window", 'scope', e.scope, 'scope_id', e.scope_id, 'limit', e."limit",
        'used', e.used, 'held', e.held, 'resets_at', e.period_end, 'upgrade', private.find_upgrade(c.plan_id, c.model_id, c.claims)
      ) as detail
      from unnest(c.claims) e
      where e.used + e.held + e.amount > e."limit"
      order by e.period_end desc
      limit 1
    ) exhausted on true
    -- A whole minute's requests may come at once; after that one each time an evenly spaced one would be due.
    left join lateral (
      select json_build_object(
        'unit', 'requests', 'window', 'minute', 'scope', f.scope, 'scope_id', f.scope_id, 'limit', f."limit",
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
      (id, user_id, scope, scope_id, unit, "window", epoch, period_start, period_end, used, held)
    select
      c.window_id, d.user_id, c.scope, c.scope_id, c.unit, c."window", c.epoch, c.period_start, c.period_end,
      c.used, c.held + c.amount
    from decided d
    cross join lateral unnest(d.claims) c
    where d.refusal is null
    on conflict (user_id, scope, scope_id, unit, "window") do update set
      epoch = excluded.epoch, period_start = excluded.period_start, period_end = excluded.period_end,
      used = excluded.used, held = excluded.held
  ),
  paced as (
    insert into private.request_rates (user_id, scope, scope_id, next_at)
    select d.user_id, p.scope, p.scope_id, p.next_at
    from decided d
    cross join lateral unnest(d.paces) p
    where d.refusal is null
    on conflict (user_id, scope, scope_id) do update set next_at = excluded.next_at
  ),
  placed as (
    insert into private.holds (
      id, user_id, conversation_id, plan_id, model_id, price_ids, prompt_tokens, likely_prompt_tokens, max_output_tokens,
      reservations, expires_at
    )
    select
      d.hold_id, d.user_id, d.conversation_id, d.plan_id, d.model_id, d.price_ids, d.prompt_tokens, d.likely_prompt_tokens, d.output_tokens,
      array(select (c.window_id, c.epoch, c.amount)::private.reservation from unnest(d.claims) c),
      now() + interval '10 minutes'
    from decided d
    where d.refusal is null
  )
  select d.hold_id, d.routes, d.route_ids, d.providers, d.output_tokens, d.refusal, d.detail from decided d;
end;
$$;

comment on function private.place_wave is
  'Decides and takes in one statement, for callers who are locked and each occur once. Ten minutes is the longest life of a worker and a margin.';

create function private.place_holds(requests private.hold_request[]) returns setof private.hold_decision
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  wave private.hold_request[];
begin
  -- Requests of one caller must see each other: the first of each caller go together, then the second of each, and so on.
  for wave in
    select array_agg(requests[place])
    from (
      select place, row_number() over (partition by (requests[place]).user_id order by place) as turn
      from generate_subscripts(requests, 1) place
    ) queued
    group by turn
    order by turn
  loop
    return query select * from private.place_wave(wave);
  end loop;
end;
$$;

comment on function private.place_holds is 'One decision for each request whose caller has an account. The callers must be locked (lock_accounts).';

revoke all on function private.find_upgrade, private.place_wave, private.place_holds from public;
grant execute on function private.find_upgrade, private.place_wave, private.place_holds to service_role;
