// Another provider call of a chat, where one before cost money.

import { nameOf } from "./catalogue.ts";
import { atLeastZero, lesser } from "./numbers.ts";
import { creditLeft, type Hold, isBudget, limitsOf, type Reservation, type State } from "./state.ts";

/** For how many calls a hold is to be enough: in all, and to one provider. */
export interface Extension {
  calls: bigint;
  provider: string;
  providerCalls: bigint;
}

/** Holds what is missing for so many calls, where it fits. Windows that are over since do not limit it. */
export function extendHold(state: State, hold: Hold, extension: Extension): boolean {
  const { caller } = hold;
  if (hold.expiresAt <= state.now) return false;
  const limits = new Map(limitsOf(caller, state.now).map((limit) => [nameOf(limit), limit.amount]));
  const limitOf = ({ counter: { key }, isOfProject }: Reservation) =>
    isOfProject ? state.projectLimits.get(nameOf(key))?.amount : limits.get(nameOf(key));
  const growing = hold.reservations
    .map((reservation) => ({ reservation, missing: missingOf(reservation, extension) }))
    .filter(({ missing }) => missing > 0n);
  const present = growing.filter(
    ({ reservation: { counter, isOfProject, epoch } }) =>
      (isOfProject || !caller.isDeleted) && counter.epoch === epoch,
  );
  const running = present.filter(({ reservation: { counter } }) => state.now < counter.period.end);
  const fits = running.every(({ reservation, missing }) => {
    const { counter, isOfProject } = reservation;
    const limit = limitOf(reservation);
    if (limit === undefined) return true;
    const credit = isBudget(counter.key) && !isOfProject ? counter.credited + creditLeft(state, caller) : 0n;
    return counter.used + counter.held + missing <= limit + credit;
  });
  if (!fits) return false;
  for (const { reservation, missing } of running) {
    const { counter, isOfProject } = reservation;
    const limit = limitOf(reservation);
    if (isBudget(counter.key) && !isOfProject && limit !== undefined)
      hold.creditNano += lesser(
        atLeastZero(counter.used + counter.held + missing - limit - counter.credited),
        missing,
      );
  }
  for (const { reservation, missing } of present) reservation.counter.held += missing;
  for (const { reservation, missing } of growing) reservation.amount += missing;
  if (extension.calls > hold.calls) hold.calls = extension.calls;
  return true;
}

/** What is not yet held of a limit. The request itself counts once, however many calls it takes. */
function missingOf(
  { counter: { key }, amount, callAmount }: Reservation,
  { calls, provider, providerCalls }: Extension,
): bigint {
  if (key.unit === "requests" || key.unit === "concurrent") return 0n;
  if (key.scope !== "provider") return atLeastZero(callAmount * calls - amount);
  return key.scopeId === provider ? atLeastZero(callAmount * providerCalls - amount) : 0n;
}
