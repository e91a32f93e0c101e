-- The order of holds: requests that have a window in common are decided one after the other, all others together.
--
-- Invariant: what a request is told takes into account all that was let through before it, and where limits of the project are nearly used up,
-- the last of them is given to somebody.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.place_in_turn(
  requests private.hold_request[], slots bigint[], shared bigint[], one_by_one boolean
) returns private.hold_decision[]
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  wave private.hold_request[];
  decisions private.hold_decision[] := '{}';
begin
  -- Requests of one caller must see each other: the first of each caller go together, then the second of each, and so on.
  for wave in
    select array_agg(requests[place])
    from (
      select place, case when one_by_one then place else row_number() over (partition by (requests[place]).user_id order by place) end as turn
      from generate_subscripts(requests, 1) place
    ) queued
    group by turn
    order by turn
  loop
    -- Where what is at hand of a provider's limit may not be enough for all, it is not known here when that provider is used up, and so
    -- not what the others may cost.
    if exists (
      select
      from private.usage_windows w
      where w.id = any (shared) and w.scope = 'provider' and w.share - w.used - w.held < case w.unit
        when 'nano_usd' then 1
        when 'tokens' then (select sum(private.bound_prompt(r) + coalesce(r.max_output_tokens, 0)) from unnest(wave) r)
        else cardinality(wave)
      end
    ) then
      raise lock_not_available using message = 'the slot may not have room for all';
    end if;
    decisions := decisions || array(select d from private.place_wave(wave, slots, shared) d);
  end loop;
  return decisions;
end;
$$;

comment on function private.place_in_turn is
  'Decides in such an order that requests with a limit in common see each other: one by one where limits of the project are decided to the last nano-USD. Raises lock_not_available where the slots at hand may not be enough.';

create function private.place_holds(requests private.hold_request[]) returns setof private.hold_decision
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  scope_ids text[];
  at_hand record;
  decisions private.hold_decision[];
begin
  perform private.ensure_ledger_partition();
  if exists (select from private.project_limits) then
    scope_ids := array(
      select '' union
      select r.model_id from unnest(requests) r union
      select r.service from unnest(requests) r union
      select route.provider from private.model_routes route where route.model_id in (select r.model_id from unnest(requests) r)
    );
  end if;
  if not exists (select from private.project_limits l where l.scope_id = any (scope_ids)) then
    decisions := private.place_in_turn(requests, '{}', '{}', false);
  else
    begin
      select * into at_hand from private.pick_slots(scope_ids);
      if at_hand.slots is null then
        -- Whoever goes on to wait for all slots may have none.
        raise lock_not_available;
      end if;
      decisions := private.place_in_turn(requests, at_hand.slots, at_hand.shared, false);
    exception when lock_not_available then
      -- Nothing of it is left, neither holds nor locks.
      decisions := null;
    end;
    if decisions is null then
      decisions := private.place_in_turn(requests, private.gather_slots(scope_ids), '{}', true);
      perform private.scatter_slots();
    end if;
  end if;
  return query select * from unnest(decisions);
end;
$$;

comment on function private.place_holds is 'One decision for each request whose caller has an account. The callers must be locked (lock_accounts).';

revoke all on function private.place_in_turn, private.place_holds from public;
grant execute on function private.place_in_turn, private.place_holds to service_role;
