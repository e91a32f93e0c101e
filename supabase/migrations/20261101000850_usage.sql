-- Usage: what callers are told of themselves: what they used, which limits they have, what is left.
--
-- Invariant: what is told agrees with what a request would meet at this moment: windows whose period is over count as rolled.

-- API ---------------------------------------------------------------------------------------------------------------

create function public.get_usage(
  user_id uuid, from_at timestamptz, to_at timestamptz, group_by text default null, page_limit integer default 30,
  page_cursor text default null
) returns json
language sql stable security invoker set search_path = ''
as $$
  with entry as materialized (
    select
      case group_by
        when 'day' then to_char(l.held_at at time zone coalesce(a.time_zone, 'UTC'), 'YYYY-MM-DD')
        when 'model' then coalesce(l.model_id, l.provider)
        when 'provider' then l.provider
        when 'conversation' then l.conversation_id::text
        when 'api_key' then l.api_key_id::text
      end as key,
      l.*
    from private.ledger l
    left join private.accounts a on a.user_id = l.user_id
    where l.user_id = get_usage.user_id and l.held_at >= from_at and l.held_at < to_at
  ),
  -- A request counts where it was charged and the charge was not taken back.
  request as (
    select e.hold_id, e.key, count(*) filter (where e.entry = 'charge') > count(*) filter (where e.entry = 'correction') as counts
    from entry e
    group by e.hold_id, e.key
  ),
  requests as (
    select r.key, count(*) filter (where r.counts) as requests from request r group by r.key
  ),
  tokens as (
    select
      e.key, sum(e.input_tokens) as input_tokens, sum(e.cache_read_tokens) as cache_read_tokens,
      sum(e.cache_write_tokens) as cache_write_tokens, sum(e.output_tokens) as output_tokens, sum(e.reasoning_tokens) as reasoning_tokens,
      sum(e.cost_nano) as cost_nano
    from entry e
    group by e.key
  ),
  total as (
    select
      (
        select count(*) from (
          select from entry e group by e.hold_id
          having count(*) filter (where e.entry = 'charge') > count(*) filter (where e.entry = 'correction')
        ) r
      ) as requests,
      coalesce(sum(t.input_tokens), 0) as input_tokens, coalesce(sum(t.cache_read_tokens), 0) as cache_read_tokens,
      coalesce(sum(t.cache_write_tokens), 0) as cache_write_tokens, coalesce(sum(t.output_tokens), 0) as output_tokens,
      coalesce(sum(t.reasoning_tokens), 0) as reasoning_tokens, coalesce(sum(t.cost_nano), 0) as cost_nano
    from tokens t
  ),
  -- No conversation comes after all of them; days are told from the newest on.
  page as (
    select
      t.key, r.requests, t.input_tokens, t.cache_read_tokens, t.cache_write_tokens, t.output_tokens, t.reasoning_tokens, t.cost_nano,
      row_number() over (
        order by t.key is null, case when group_by = 'day' then t.key end desc, case when group_by <> 'day' then t.key end collate "C"
      ) as place
    from tokens t
    join requests r on r.key is not distinct from t.key
    where group_by is not null and (
      page_cursor is null or t.key is null or case when group_by = 'day' then t.key < page_cursor else t.key collate "C" > page_cursor end
    )
  )
  select json_build_object(
    'totals', (select row_to_json(total) from total),
    'groups', coalesce(
      (
        select json_agg(json_build_object(
          'key', p.key, 'requests', p.requests, 'input_tokens', p.input_tokens, 'cache_read_tokens', p.cache_read_tokens,
          'cache_write_tokens', p.cache_write_tokens, 'output_tokens', p.output_tokens, 'reasoning_tokens', p.reasoning_tokens,
          'cost_nano', p.cost_nano
        ) order by p.place)
        from page p
        where p.place <= page_limit
      ),
      '[]'
    ),
    'next_cursor', (
      select p.key from page p where p.place = page_limit and exists (select from page q where q.place > page_limit)
    )
  );
$$;

comment on function public.get_usage is
  'What a caller used between two moments, in all and by day of the caller''s zone, model, provider, conversation or API key, page by page.';

create function public.get_limits(user_id uuid) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'plan', json_build_object('id', p.id, 'name', p.name),
    'next_plan', case when a.next_plan_id is not null then json_build_object('id', a.next_plan_id, 'at', a.next_plan_at) end,
    'time_zone', (a.calendar).time_zone,
    'limits', coalesce(
      (
        select json_agg(json_build_object(
          'scope', l.scope, 'scope_id', l.scope_id, 'unit', l.unit, 'window', l."window", 'limit', l.amount,
          'used', coalesce(state.used, 0), 'held', coalesce(state.held, 0), 'resets_at', state.resets_at,
          'source', l.source, 'expires_at', l.expires_at
        ) order by l.scope, l.scope_id, l.unit, l."window")
        from private.caller_limits l
        left join private.usage_windows w
          on not l.is_rate and w.user_id = l.user_id and w.scope = l.scope and w.scope_id = l.scope_id and w.unit = l.unit
          and w."window" = l."window"
        left join private.request_rates q
          on l.is_rate and q.user_id = l.user_id and q.scope = l.scope and q.scope_id = l.scope_id and q.next_at > now()
        cross join lateral (
          select least(ceil(l.amount * coalesce(extract(epoch from rate.next_at - now()), 0) / 60 - 0.001), l.amount)::bigint as used, 0 as held,
            rate.next_at as resets_at
          from (select private.next_arrival(q, l.amount)) rate (next_at)
          where l.is_rate
          union all
          select w.used - w.credited, w.held, nullif(w.period_end, 'infinity') where not l.is_rate and w.period_end > now()
          union all
          select 0, 0, nullif((private.period_of(l."window", a.calendar, now())).period_end, 'infinity')
          where not l.is_rate and w.period_end > now() is not true
        ) state
        where l.user_id = a.user_id and (l.source <> 'catalogue' or exists (
          select from private.plan_models g where g.plan_id = a.plan_id and g.model_id = l.scope_id
        ))
      ),
      '[]'
    )
  )
  from private.current_accounts a
  join private.plans p on p.id = a.plan_id
  where a.user_id = get_limits.user_id;
$$;

comment on function public.get_limits is
  'The limits that count for a caller, each with what is used and held of it and when it resets. Of a rate is used what could not be sent at this moment.';

create function public.get_balance(user_id uuid) returns json
language sql stable security invoker set search_path = ''
as $$
  select json_build_object(
    'plan', json_build_object('id', p.id, 'name', p.name),
    'budget', (
      select json_build_object(
        'limit_nano', l.amount, 'used_nano', coalesce(w.used, 0), 'held_nano', coalesce(w.held, 0), 'credited_nano', coalesce(w.credited, 0),
        'resets_at', coalesce(w.period_end, (private.period_of('month', a.calendar, now())).period_end)
      )
      from private.caller_limits l
      left join private.usage_windows w
        on w.user_id = l.user_id and w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month' and w.period_end > now()
      where l.user_id = a.user_id and l.scope = 'all' and l.unit = 'nano_usd' and l."window" = 'month'
    ),
    'credits', json_build_object(
      -- But for what holds go beyond the budget.
      'left_nano', coalesce((
        select greatest(c.left_nano - coalesce(greatest(least(w.used + w.held - l.amount - w.credited, w.held), 0), 0), 0)
        from private.credit_left c
        left join private.caller_limits l
          on l.user_id = c.user_id and l.scope = 'all' and l.unit = 'nano_usd' and l."window" = 'month'
        left join private.usage_windows w
          on w.user_id = l.user_id and w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month' and w.period_end > now()
        where c.user_id = a.user_id
      ), 0),
      'grants', coalesce(
        (
          select json_agg(json_build_object(
            'id', g.id, 'source_kind', g.source_kind, 'amount_nano', g.amount_nano, 'left_nano', g.left_nano, 'priority', g.priority,
            'expires_at', nullif(g.expires_at, 'infinity'), 'created_at', g.created_at
          ) order by g.priority, g.expires_at, g.created_at, g.id)
          from private.credit_grants g
          where g.user_id = a.user_id and g.left_nano > 0 and g.expires_at > now()
        ),
        '[]'
      )
    )
  )
  from private.current_accounts a
  join private.plans p on p.id = a.plan_id
  where a.user_id = get_balance.user_id;
$$;

comment on function public.get_balance is
  'The budget of a caller''s month, null where the plan has none, and the credits that are left, in the order in which they are consumed.';

create function public.set_time_zone(user_id uuid, time_zone text) returns json
language plpgsql volatile security invoker set search_path = '' set lock_timeout = '500ms'
as $$
declare
  answer json := private.set_time_zone(user_id, time_zone);
begin
  return case when answer ->> 'refusal' is null then public.get_limits(user_id) else answer end;
end;
$$;

comment on function public.set_time_zone is
  'Where a caller''s days begin, by the zone''s name, once a day. Answers with the limits or a refusal (an SQLSTATE of ours).';

revoke all on function public.get_usage, public.get_limits, public.get_balance, public.set_time_zone from public, anon, authenticated;
grant execute on function public.get_usage, public.get_limits, public.get_balance, public.set_time_zone to service_role;
