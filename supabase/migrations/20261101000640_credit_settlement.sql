-- Credit settlement: how credits follow what is posted for a hold.
--
-- Invariant: credits pay for exactly what is used beyond the budget of a month, and get back what is returned of that.

create function private.follow_with_credits(hold_id uuid, posted_nano bigint) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_variable
declare
  hold private.holds;
  reservation private.reservation;
  budget private.usage_windows;
  is_running boolean;
  "limit" bigint;
  owed bigint;
  moved bigint;
begin
  select h.* into hold from private.holds h where h.id = hold_id;
  select w.* into budget
  from unnest(hold.reservations) r
  join private.usage_windows w on w.id = r.window_id
  where w.user_id is not null and w.scope = 'all' and w.unit = 'nano_usd' and w."window" = 'month';
  if not found then
    return;
  end if;
  select r.* into reservation from unnest(hold.reservations) r where r.window_id = budget.id;
  -- A window whose period is over counts as rolled: what is charged must not depend on who was there to roll it.
  is_running := budget.epoch = reservation.epoch and budget.period_end > now();
  if is_running then
    select l.amount into "limit"
    from private.caller_limits l
    where l.user_id = hold.user_id and l.scope = 'all' and l.unit = 'nano_usd' and l."window" = 'month';
    -- What is used beyond the limit and not yet paid for.
    owed := case when "limit" is null then 0 else greatest(budget.used - "limit", 0) end - budget.credited;
  else
    -- That month is over: credits stand for as much of it as they did when it was held.
    select greatest(coalesce(sum(l.cost_nano), 0) - (reservation.amount - hold.credit_nano), 0) into owed
    from private.ledger l
    where l.hold_id = hold.id and l.held_at = hold.created_at;
    select owed + coalesce(sum(e.amount_nano), 0) into owed from private.credit_entries e where e.hold_id = hold.id;
  end if;
  if posted_nano > 0 and owed > 0 then
    moved := private.take_credit(hold.user_id, hold.id, hold.created_at, least(owed, posted_nano));
  elsif posted_nano < 0 and owed < 0 then
    moved := -private.return_credit(hold.id, least(-owed, -posted_nano));
  else
    return;
  end if;
  if is_running then
    update private.usage_windows w set credited = w.credited + moved where w.id = budget.id;
  end if;
end;
$$;

comment on function private.follow_with_credits is
  'Has credits pay for what a cost that was just posted for a hold takes beyond the budget of its month, or gives them back what it returns. The caller must be locked (lock_accounts).';

revoke all on function private.follow_with_credits from public;
grant execute on function private.follow_with_credits to service_role;
