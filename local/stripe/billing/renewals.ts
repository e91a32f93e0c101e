import type Stripe from "stripe";
import { daySeconds, endOfPeriod, hourSeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { idOf } from "../state.ts";
import { periodLine } from "./invoice-lines.ts";
import { subscriptionIdOf } from "./invoice-object.ts";
import type { createInvoices } from "./invoices.ts";
import { intervalOf, periodEndOf } from "./subscription-object.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** How long a first invoice may stay unpaid. */
const incompleteHours = 23;
const trialNoticeDays = 3;

/** Something that time brings about; of those at the same instant the first of a list comes first. */
export interface Due {
  at: number;
  run(): void;
}

/** What time brings about for subscriptions: ends, trials, renewals and what becomes of what was not paid. */
export function createRenewals(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  subscriptions: Subscriptions,
) {
  const { state, clock, emit } = core;
  const { revise, nameOf } = subscriptions;
  return { dueFor, dueForInvoice, renew, startPeriod };

  /** What is to come for a subscription. */
  function dueFor(subscription: Stripe.Subscription): Due[] {
    const { status, cancel_at, pending_update, pause_collection, trial_end, created } = subscription;
    if (status === "canceled" || status === "incomplete_expired") return [];
    const due: Due[] = [];
    if (cancel_at !== null)
      due.push({ at: cancel_at, run: () => subscriptions.cancel(subscription, "cancellation_requested") });
    if (status === "incomplete")
      return [...due, { at: created + incompleteHours * hourSeconds, run: () => expire(subscription) }];
    if (pending_update) due.push({ at: pending_update.expires_at, run: () => dropUpdate(subscription) });
    if (pause_collection?.resumes_at)
      due.push({
        at: pause_collection.resumes_at,
        run: () =>
          revise(subscription, (it) => {
            it.pause_collection = null;
          }),
      });
    if (
      status === "trialing" &&
      trial_end !== null &&
      state.trialsAnnounced.get(subscription.id) !== trial_end
    )
      due.push({
        at: Math.max(trial_end - trialNoticeDays * daySeconds, created),
        run: () => {
          state.trialsAnnounced.set(subscription.id, trial_end);
          emit("customer.subscription.trial_will_end", subscription);
        },
      });
    if (status !== "paused") due.push({ at: periodEndOf(subscription), run: () => renew(subscription) });
    return due;
  }

  /** When an unpaid invoice is tried again. */
  function dueForInvoice(invoice: Stripe.Invoice): Due[] {
    const { next_payment_attempt: at, status } = invoice;
    if (at === null || status !== "open") return [];
    const use = subscriptions.useOf(idOf(invoice.customer ?? ""));
    return [{ at, run: () => subscriptions.pay(invoice, { ...use, isAutomatic: true }) }];
  }

  /** Begins the next period and bills it; the end of a trial is the first time. */
  function renew(subscription: Stripe.Subscription): void {
    const hasNoCard = core.cardOf(idOf(subscription.customer)) === "none";
    const wanted = subscription.trial_settings?.end_behavior.missing_payment_method;
    if (subscription.status !== "trialing" || !hasNoCard || wanted === "create_invoice")
      startPeriod(subscription, "subscription_cycle");
    else if (wanted === "cancel") subscriptions.cancel(subscription, "payment_failed");
    else subscriptions.pause(subscription);
  }

  /** Moves the items whose period is over into the next one and bills them. */
  function startPeriod(subscription: Stripe.Subscription, reason: Stripe.Invoice.BillingReason): void {
    const now = clock.now();
    revise(subscription, (it) => {
      if (it.status === "trialing") it.status = "active";
      for (const item of it.items.data.filter(({ current_period_end }) => current_period_end <= now)) {
        item.current_period_start = now;
        item.current_period_end = endOfPeriod(it.billing_cycle_anchor, intervalOf(item.price), now);
      }
    });
    const started = subscription.items.data.filter((item) => item.current_period_start === now);
    const lines = started.map((item) => {
      const period = { start: now, end: item.current_period_end };
      return periodLine(item, period, nameOf(item.price));
    });
    subscriptions.bill(subscription, reason, lines);
  }

  function expire(subscription: Stripe.Subscription): void {
    for (const invoice of state.invoices.values())
      if (subscriptionIdOf(invoice) === subscription.id && invoice.status === "open")
        invoices.voidIt(invoice);
    revise(subscription, (it) => {
      it.status = "incomplete_expired";
      it.ended_at = clock.now();
    });
  }

  function dropUpdate(subscription: Stripe.Subscription): void {
    const invoice = state.invoices.get(state.pendingChanges.get(subscription.id)?.invoice ?? "");
    state.pendingChanges.delete(subscription.id);
    if (invoice?.status === "open") invoices.voidIt(invoice);
    revise(subscription, (it) => {
      it.pending_update = null;
    });
    emit("customer.subscription.pending_update_expired", subscription);
  }
}
