-- Expiry: a function can die between hold and settlement, and nobody may be denied for ever what it held.
--
-- Invariant: a hold whose life is over is released by whoever comes first, the caller's next request or the sweep, and is charged for what was
-- surely sent. A report that comes later takes the place of that.

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.expire_holds(user_ids uuid[]) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  settlements private.hold_settlement[];
begin
  -- The function that held died before it could settle. It sends the prompt in the moment it learns of the hold, so the
  -- prompt is presumed sent; what of the answer was written down was surely made. The estimate of both is charged, about 4 bytes a
  -- token; if the function does report later, that takes its place. Of what another service holds nothing is known.
  select array_agg((
    h.id, 'expired',
    case when h.service is null then array[(
      0, h.price_ids[1], 'expired', true, null, h.calls::bigint * h.likely_prompt_tokens, 0, 0,
      least(ceil(written.bytes / 4.0), h.calls::bigint * h.max_output_tokens), 0, null
    )::private.charge] else '{}' end
  )::private.hold_settlement)
  into settlements
  from private.holds h
  cross join lateral (
    select coalesce(sum(octet_length(p.content) + octet_length(p.reasoning)), 0) as bytes
    from private.reply_parts p
    where p.request_id = h.id
  ) written
  where h.user_id = any (user_ids) and h.state = 'pending' and h.expires_at <= now();

  if settlements is null then
    return 0;
  end if;
  -- Whoever goes on to place a hold may have to wait for all slots, which nobody may who has some of them.
  perform from private.usage_windows where user_id is null order by id for no key update;
  perform private.settle_holds(settlements);
  return cardinality(settlements);
end;
$$;

comment on function private.expire_holds is
  'Releases what dead functions left held by these callers. Returns how many holds. The callers must be locked (lock_accounts).';

create function private.sweep_holds(most integer) returns integer
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  user_ids uuid[] := array(
    select distinct d.user_id from (
      select h.user_id from private.holds h where h.state = 'pending' and h.expires_at <= now() limit most
    ) d
  );
begin
  -- Whoever is busy releases their own holds with the next request. Those of deleted callers are nobody's.
  return private.expire_holds(array(
    select a.user_id from private.accounts a where a.user_id = any (user_ids) order by a.user_id for no key update skip locked
  ) || array(
    select u from unnest(user_ids) u where not exists (select from private.accounts a where a.user_id = u)
  ));
end;
$$;

comment on function private.sweep_holds is
  'Releases what dead functions left held, of so many holds at a time. Nothing depends on it: a caller''s next request does the same. Returns how many it released.';

revoke all on function private.expire_holds, private.sweep_holds from public;
grant execute on function private.expire_holds to service_role;
