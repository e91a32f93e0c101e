-- Hold requests: what a request can cost at most, and which limits it must fit into.
--
-- Invariant: no provider can bill more than the bound of the prompt and the most tokens of the answer, at the dearest price that can apply.

-- Types -------------------------------------------------------------------------------------------------------------

create type private.hold_request as (
  hold_id uuid, user_id uuid, conversation_id uuid, model_id text, most_prompt_tokens integer,
  prompt_bytes bigint, prompt_messages integer, overhead_tokens integer, images integer, image_tokens integer, max_output_tokens integer,
  api_key_id uuid, is_byok boolean, key_providers text[], service text, service_tokens bigint, service_nano bigint
);

comment on type private.hold_request is
  'A chat, or what a service of the app asks for: then service is its name, and it says itself how many tokens and nano-USD it may take. Of is_byok the key_providers are those that the caller has keys of: no other is called.';

create type private.priced_request as (
  hold_id uuid, user_id uuid, conversation_id uuid, model_id text, service text, api_key_id uuid, is_byok boolean,
  max_output_tokens integer, plan_id text, calendar private.calendar, routes json, route_ids bigint[], price_ids bigint[], providers text[],
  prompt_tokens bigint, likely_prompt_tokens bigint, prompt_nano numeric, output_token_nano numeric, limits private.caller_limits[],
  closed_providers text[]
);

comment on type private.priced_request is
  'prompt_tokens and prompt_nano are the most that the prompt can come to, with what the call itself costs, output_token_nano what a token of the answer can; likely_prompt_tokens is about what the prompt will be billed for. limits are the caller''s that apply. closed_providers are used up, however short the answer; none where all are.';

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.bound_prompt(request private.hold_request) returns bigint
language plpgsql immutable security invoker set search_path = ''
as $$
begin
  -- A byte-level tokenizer never makes more tokens than bytes, framing takes 3 or 4 tokens a message (OpenAI's cookbook; 16 is above every
  -- provider's), images have a ceiling, and no provider takes more than it has room for.
  return coalesce(request.service_tokens, least(
    request.prompt_bytes + 16 * request.prompt_messages + 16 + request.overhead_tokens + request.image_tokens::bigint * request.images,
    request.most_prompt_tokens
  ));
end;
$$;

comment on function private.bound_prompt is 'The most tokens that a prompt can be billed for.';

create function private.price_requests(requests private.hold_request[], slots bigint[], shared bigint[]) returns setof private.priced_request
language plpgsql stable security invoker set search_path = ''
as $$
begin
  return query
  with priced as materialized (
    select p.* from private.priced_models p where p.model_id = any (array(select distinct r.model_id from unnest(requests) r))
  )
  select
    r.hold_id, r.user_id, r.conversation_id, r.model_id, r.service, r.api_key_id, r.is_byok, r.max_output_tokens,
    account.plan_id, account.calendar, priced.routes, priced.route_ids, coalesce(priced.price_ids, '{}'),
    called.providers, bound.tokens,
    -- About 4 bytes a token (OpenAI's rule of thumb for English) with 4 tokens a message, and most images below a thousand.
    coalesce(r.service_tokens, least(
      ceil(r.prompt_bytes / 4.0) + 4 * r.prompt_messages + 3 + least(r.image_tokens, 1000) * r.images, bound.tokens
    ))::bigint,
    case when r.is_byok then 0 else coalesce(r.service_nano, 1e9 * (bound.tokens * dearest.input_usd + dearest.request_usd)) end,
    case when r.is_byok or r.service is not null then 0 else 1e9 * dearest.output_usd end,
    applying.limits, closed.providers
  from unnest(requests) r
  join private.current_accounts account on account.user_id = r.user_id
  left join priced on priced.model_id = r.model_id
  cross join lateral (
    select case
      when r.is_byok then array(select p from unnest(priced.providers) p where p = any (r.key_providers))
      else coalesce(priced.providers, array[r.service])
    end as providers
  ) called
  cross join lateral (select private.bound_prompt(r)) bound (tokens)
  cross join lateral (
    select array(
      select l from private.caller_limits l
      where l.user_id = r.user_id and l.scope_id = any (array['', r.model_id, r.api_key_id::text] || called.providers)
        and case l.scope
          when 'all' then true
          when 'model' then l.scope_id = r.model_id
          when 'api_key' then l.scope_id = r.api_key_id::text
          else l.scope_id = any (called.providers)
        end
    ) as limits
  ) applying
  -- Providers that are used up, however short the answer. Where that holds for all, none is left out: the request is refused.
  cross join lateral (
    select case when priced.providers is null or exhausted.providers @> called.providers then '{}' else exhausted.providers end as providers
    from (
      select array(
        select spent.provider
        from (
          select l.scope_id, l.unit, l.amount - coalesce(w.used + w.held, 0)
          from unnest(applying.limits) l
          left join private.usage_windows w
            on w.user_id = r.user_id and w.scope = 'provider' and w.scope_id = l.scope_id and w.unit = l.unit and w."window" = l."window"
            and w.slot = 0 and w.period_end > now()
          where l.scope = 'provider'
          union all
          select w.scope_id, w.unit, w.share - w.used - w.held
          from private.usage_windows w
          where w.id = any (slots) and w.id <> all (shared) and w.scope = 'provider'
        ) spent (provider, unit, room)
        cross join lateral (
          select case spent.unit
            when 'tokens' then bound.tokens
            when 'nano_usd' then (not r.is_byok and exists (
              select from unnest(priced.prices) p where p.provider = spent.provider and greatest(p.dearest_input_usd, p.dearest_output_usd, p.request_usd) > 0
            ))::integer
            else 1
          end as least
        ) need
        where need.least > 0 and need.least > spent.room
      )
    ) exhausted (providers)
  ) closed
  -- The dearest price, and the dearest tier that a prompt of this size can come to at this time of the day.
  cross join lateral (
    select
      max(greatest(p.dearest_input_usd, tier.input_usd)) as input_usd,
      max(greatest(p.dearest_output_usd, tier.output_usd)) as output_usd,
      max(greatest(p.request_usd, tier.request_usd)) as request_usd
    from unnest(priced.prices) p
    left join lateral (
      select
        max(greatest(t.input_usd, t.cache_write_usd)) as input_usd, max(greatest(t.output_usd, t.reasoning_usd)) as output_usd,
        max(t.request_usd) as request_usd
      from private.route_price_tiers t
      where t.price_id = p.price_id and t.min_prompt_tokens <= bound.tokens and private.applies_at(t, now())
    ) tier on true
    where p.provider <> all (closed.providers)
  ) dearest;
end;
$$;

comment on function private.price_requests is 'One row for each request whose caller has an account; without routes where nobody serves the model. slots and shared are as for place_wave.';

revoke all on function private.bound_prompt, private.price_requests from public;
grant execute on function private.bound_prompt, private.price_requests to service_role;
