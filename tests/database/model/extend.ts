// Another provider call of a chat, where the one before cost money.

import { nameOf } from "./catalogue.ts";
import { atLeastZero, lesser } from "./numbers.ts";
import { creditLeft, type Hold, isBudget, limitsOf, type Reservation, type State } from "./state.ts";

/** Holds for another call what was held for each, where it fits. Windows that are over since do not limit it. */
export function extendHold(state: State, hold: Hold): boolean {
  const { caller, calls } = hold;
  if (hold.expiresAt <= state.now) return false;
  const limits = new Map(limitsOf(caller, state.now).map((limit) => [nameOf(limit), limit.amount]));
  const perCall = ({ amount }: Reservation) => amount / calls;
  const measured = hold.reservations.filter(
    ({ counter, isOfProject, epoch }) =>
      (counter.key.unit === "tokens" || counter.key.unit === "nano_usd") &&
      (isOfProject || !caller.isDeleted) &&
      counter.epoch === epoch,
  );
  const running = measured.filter(({ counter }) => state.now < counter.period.end);
  const limitOf = ({ counter: { key }, isOfProject }: Reservation) =>
    isOfProject ? state.projectLimits.get(nameOf(key))?.amount : limits.get(nameOf(key));
  const fits = running.every((reservation) => {
    const { counter, isOfProject } = reservation;
    const limit = limitOf(reservation);
    if (limit === undefined) return true;
    const credit =
      isBudget(counter.key) && !isOfProject ? counter.credited + creditLeft(caller, state.now) : 0n;
    return reservation.amount === 0n || counter.used + counter.held + perCall(reservation) <= limit + credit;
  });
  if (!fits) return false;
  for (const reservation of running) {
    const { counter, isOfProject } = reservation;
    const limit = limitOf(reservation);
    if (isBudget(counter.key) && !isOfProject && limit !== undefined)
      hold.creditNano += lesser(
        atLeastZero(counter.used + counter.held + perCall(reservation) - limit - counter.credited),
        perCall(reservation),
      );
  }
  for (const reservation of measured) reservation.counter.held += perCall(reservation);
  for (const reservation of hold.reservations)
    if (reservation.counter.key.unit === "tokens" || reservation.counter.key.unit === "nano_usd")
      reservation.amount += perCall(reservation);
  hold.calls += 1n;
  return true;
}
