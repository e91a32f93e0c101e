import type { Core } from "../core.ts";
import type { createCheckout } from "./checkout.ts";
import type { createRenewals, Due } from "./renewals.ts";
import type { createSchedules } from "./schedules.ts";

/** Brings about what time brings: it is read from the objects each time, so that nothing is to be kept beside them. */
export function createAgenda(
  { state, clock }: Core,
  parts: {
    renewals: ReturnType<typeof createRenewals>;
    schedules: ReturnType<typeof createSchedules>;
    checkout: ReturnType<typeof createCheckout>;
  },
) {
  return { runUntil };

  /** Does everything that is due until an instant, in order of time and each as of its own. Returns whether there was anything. */
  function runUntil(instant: number): boolean {
    let next = earliest(instant);
    if (!next) return false;
    for (; next; next = earliest(instant)) clock.at(next.at, next.run);
    return true;
  }

  /** Phases come before the renewals of the same instant, which bill what they say. */
  function earliest(instant: number): Due | undefined {
    let first: Due | undefined;
    for (const due of all()) if (due.at <= instant && (!first || due.at < first.at)) first = due;
    return first;
  }

  function* all(): Generator<Due> {
    for (const schedule of state.schedules.values()) yield* parts.schedules.dueFor(schedule);
    for (const subscription of state.subscriptions.values()) yield* parts.renewals.dueFor(subscription);
    for (const invoice of state.invoices.values()) yield* parts.renewals.dueForInvoice(invoice);
    for (const kept of state.sessions.values()) yield* parts.checkout.dueFor(kept);
  }
}
