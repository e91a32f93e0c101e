-- Project limits: what all callers together may use.
--
-- Invariants
--   Over all slots of a limit, used + held <= limit. What is held in a slot fits into its share; shares of a limit add up to it.
--   Chats that fit do not wait for each other: each batch takes one slot that nobody else has, and what was held in one slot may be
--   settled in another, so that the figures of a single slot can be negative and only their sum means something.
--
-- Accounts are locked before slots, and slots are waited for in the order of their ids alone.

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.project_limits (
  scope private.limit_scope not null default 'all' check (scope <> 'api_key'),
  scope_id text not null default '' check ((scope = 'all') = (scope_id = '')),
  unit private.limit_unit not null,
  "window" private.limit_window not null check ((unit = 'concurrent') = ("window" = 'instant')),
  amount bigint not null check (amount between 0 and 9007199254740991),
  primary key (scope, scope_id, unit, "window")
);

comment on table private.project_limits is 'Limits of the whole project, such as what may be spent a month. Months and days are those of UTC.';
comment on column private.project_limits.amount is 'In the unit of the row: requests, tokens, nano-USD (1e-9 USD), or requests at once.';

revoke all on private.project_limits from public, anon, authenticated, service_role;
grant select on private.project_limits to service_role;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.take_slot(
  scope private.limit_scope, scope_id text, unit private.limit_unit, "window" private.limit_window, with_room boolean
) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  taken bigint;
begin
  select w.id into taken
  from private.usage_windows w
  where w.user_id is null and w.scope = scope and w.scope_id = scope_id and w.unit = unit and w."window" = "window"
    and (not with_room or w.used + w.held < w.share)
  order by w.share - w.used - w.held desc
  limit 1
  for no key update skip locked;
  if taken is null then
    select w.id into taken
    from private.usage_windows w
    where w.user_id is null and w.scope = scope and w.scope_id = scope_id and w.unit = unit and w."window" = "window"
      and (not with_room or w.used + w.held < w.share)
    order by w.id
    limit 1
    for no key update;
  end if;
  return taken;
end;
$$;

comment on function private.take_slot is
  'Locks one slot of a limit: of those that nobody has the one with the most room; where all are had, waits for one. Of several limits to be called in the order of their ids, so that nobody waits for each other.';

create function private.pick_slots(scope_ids text[], out slots bigint[], out shared bigint[])
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  found record;
  taken bigint;
begin
  slots := '{}';
  shared := '{}';
  for found in
    select
      l.scope, l.scope_id, l.unit, l."window", min(w.id) as first_id, coalesce(bool_or(w.used + w.held < w.share), false) as has_room,
      -- A limit that was changed, or whose period is over, has to be shared anew.
      coalesce(bool_and(w.period_end > now() and w."limit" = l.amount), false) as is_current,
      -- Where a slot was charged beyond its share, for more than was held or too late, the shares of the others are more than is left.
      coalesce(bool_or(w.used + w.held > w.share), false) as is_overdrawn
    from private.project_limits l
    left join private.usage_windows w
      on w.user_id is null and w.scope = l.scope and w.scope_id = l.scope_id and w.unit = l.unit and w."window" = l."window"
    where l.scope_id = any (scope_ids)
    group by 1, 2, 3, 4
    order by 5
  loop
    taken := null;
    if found.is_current and found.has_room and not found.is_overdrawn then
      taken := private.take_slot(found.scope, found.scope_id, found.unit, found."window", true);
      shared := shared || taken;
    elsif found.is_current and not found.has_room then
      -- Used up, for all that is known. It is locked all the same: a settlement may be giving some back.
      taken := private.take_slot(found.scope, found.scope_id, found.unit, found."window", false);
    end if;
    if taken is null then
      slots := null;
      return;
    end if;
    slots := slots || taken;
  end loop;
end;
$$;

comment on function private.pick_slots is
  'One slot for each limit of the project with these scope ids: all of them are now had. shared are those with room; the limits of the others are used up. slots is null where a limit has to be shared anew first.';

create function private.gather_slots(scope_ids text[], targets bigint[] default '{}') returns bigint[]
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  gathered bigint[];
begin
  insert into private.usage_windows (id, scope, scope_id, unit, "window", slot, period_start, period_end, "limit", share)
  select nextval('private.usage_window_ids'), n.scope, n.scope_id, n.unit, n."window", n.slot, n.period_start, n.period_end, n.amount, 0
  from (
    select l.*, slot, p.period_start, p.period_end
    from private.project_limits l
    cross join generate_series(0, 15) slot
    cross join lateral private.period_of(l."window", ('2000-01-01Z', null, null, 'UTC', null, null), now()) p
    where not exists (
      select from private.usage_windows w
      where w.user_id is null and w.scope = l.scope and w.scope_id = l.scope_id and w.unit = l.unit and w."window" = l."window"
    )
    -- All ids of one limit before all of another, as slots are waited for in their order.
    order by l.scope, l.scope_id, l.unit, l."window", slot
  ) n
  on conflict do nothing;

  perform from private.usage_windows where user_id is null order by id for no key update;

  update private.usage_windows w set epoch = w.epoch + 1, used = 0, held = 0, alerted = 0, (period_start, period_end) = (
    select p.period_start, p.period_end
    from private.period_of(w."window", ('2000-01-01Z', null, null, 'UTC', null, null), now()) p
  )
  where w.user_id is null and w.period_end <= now();

  with total as (
    select
      w.scope, w.scope_id, w.unit, w."window", l.amount, l.amount - sum(w.used + w.held) as room,
      (array_agg(w.id order by (w.id = any (targets)) desc, w.slot))[1] as target
    from private.usage_windows w
    join private.project_limits l using (scope, scope_id, unit, "window")
    where w.user_id is null
    group by 1, 2, 3, 4, 5
  ),
  shared as (
    update private.usage_windows w set
      -- Of another limit nothing was told yet.
      alerted = case when w."limit" = t.amount then w.alerted else 0 end,
      "limit" = t.amount, share = w.used + w.held + case when w.id = t.target then t.room else 0 end
    from total t
    where w.user_id is null and w.scope = t.scope and w.scope_id = t.scope_id and w.unit = t.unit and w."window" = t."window"
  )
  select coalesce(array_agg(total.target), '{}') into gathered from total where total.scope_id = any (scope_ids);
  return gathered;
end;
$$;

comment on function private.gather_slots is
  'Waits for all slots, rolls them, and puts all room into one slot of each limit, that of targets where there is one, so that what is left can be given to the last nano-USD. Returns those of these scope ids. scatter_slots shares the room again.';

create function private.scatter_slots() returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  with total as (
    select w.scope, w.scope_id, w.unit, w."window", sum(w.share - w.used - w.held)::bigint as room
    from private.usage_windows w
    where w.user_id is null
    group by 1, 2, 3, 4
  )
  update private.usage_windows w set
    share = w.used + w.held + floor(t.room / 16.0)::bigint + (w.slot < t.room - 16 * floor(t.room / 16.0))::integer
  from total t
  where w.user_id is null and w.scope = t.scope and w.scope_id = t.scope_id and w.unit = t.unit and w."window" = t."window";
end;
$$;

comment on function private.scatter_slots is
  'Shares the room of the project''s limits evenly among slots that were gathered before. Where more is used than a limit allows, because it was lowered, the shares are short of that, too.';

create function private.roll_slots() returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if exists (select from private.usage_windows w where w.user_id is null and w.period_end <= now()) then
    perform private.gather_slots('{}');
    perform private.scatter_slots();
  end if;
end;
$$;

comment on function private.roll_slots is 'Begins the new period of limits of the project that nobody has used since. Nothing depends on it.';

revoke all on function private.take_slot, private.pick_slots, private.gather_slots, private.scatter_slots, private.roll_slots from public;
grant execute on function private.take_slot, private.pick_slots, private.gather_slots, private.scatter_slots to service_role;
