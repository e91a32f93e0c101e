// Credits: what goes beyond the budget of a month is paid from them, and given back to them.

import { atLeastZero, lesser, sum } from "./numbers.ts";
import { type Grant, type Hold, isBudget, limitsOf, type State } from "./state.ts";

/** Has credits follow a cost that was just posted for a hold. */
export function followWithCredits(state: State, hold: Hold, posted: bigint): void {
  const { caller } = hold;
  const reservation = hold.reservations.find(
    ({ counter, isOfProject }) => isBudget(counter.key) && !isOfProject,
  );
  if (posted === 0n || caller.isDeleted || !reservation) return;
  const { counter, epoch } = reservation;
  const isRunning = counter.epoch === epoch && state.now < counter.period.end;
  const consumed = sum(hold.consumed.map(({ nano }) => nano));
  let owed: bigint;
  if (isRunning) {
    // What is used beyond the limit and not yet paid for.
    const limit = limitsOf(caller, state.now).find(isBudget)?.amount ?? null;
    owed = (limit === null ? 0n : atLeastZero(counter.used - limit)) - counter.credited;
  } else {
    // That month is over: credits stand for as much of the hold as they did when it was placed.
    const cost = sum(hold.ledger.map(({ costNano }) => costNano));
    owed = atLeastZero(cost - (reservation.amount - hold.creditNano)) - consumed;
  }
  let moved = 0n;
  if (posted > 0n && owed > 0n) moved = take(hold, lesser(owed, posted));
  else if (posted < 0n && owed < 0n) moved = -giveBack(hold, lesser(-owed, -posted));
  if (isRunning) counter.credited += moved;
}

/** The order in which grants are consumed. */
export function inOrder(one: Grant, other: Grant): number {
  return (
    one.priority - other.priority ||
    (one.expiresAt === other.expiresAt ? 0 : one.expiresAt - other.expiresAt) ||
    one.createdAt - other.createdAt ||
    (one.id < other.id ? -1 : 1)
  );
}

/** Takes so much from the grants that counted when the hold was placed. Returns what there was. */
function take(hold: Hold, nano: bigint): bigint {
  let missing = nano;
  for (const grant of hold.caller.grants
    .filter(({ expiresAt }) => expiresAt > hold.createdAt)
    .toSorted(inOrder)) {
    const part = lesser(grant.left, missing);
    if (part === 0n) continue;
    grant.left -= part;
    missing -= part;
    move(hold, grant, part);
  }
  return nano - missing;
}

/** Gives back up to so much of what the hold consumed, the last of it first. Returns how much. */
function giveBack(hold: Hold, nano: bigint): bigint {
  let missing = nano;
  for (const { grant, nano: consumed } of hold.consumed.toReversed()) {
    const part = lesser(consumed, missing);
    if (part === 0n) continue;
    if (!grant.isRevoked) grant.left += part;
    missing -= part;
    move(hold, grant, -part);
  }
  return nano - missing;
}

/** Notes what a hold has of a grant; what was moved last comes last. */
function move(hold: Hold, grant: Grant, nano: bigint): void {
  const before = hold.consumed.find((part) => part.grant === grant)?.nano ?? 0n;
  hold.consumed = [...hold.consumed.filter((part) => part.grant !== grant), { grant, nano: before + nano }];
}
