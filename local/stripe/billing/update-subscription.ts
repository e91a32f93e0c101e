import type Stripe from "stripe";
import { hourSeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { invalid } from "../refusal.ts";
import { idOf } from "../state.ts";
import { refuseUnpayable } from "./collection.ts";
import type { createInvoices } from "./invoices.ts";
import { type ItemChange, type PlanChange, planChange } from "./plan-change.ts";
import { periodEndOf } from "./subscription-object.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** How long an unpaid update waits. */
const pendingHours = 23;

export interface ItemsUpdate {
  items: ItemChange[];
  prorationBehavior?: string | undefined;
  prorationDate?: number | undefined;
  paymentBehavior?: string | undefined;
}

/** Changes what a subscription is for, when it ends and how long its trial is. */
export function createUpdateSubscription(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  subscriptions: Subscriptions,
) {
  const { state, clock } = core;
  const { revise, nameOf } = subscriptions;
  return { changeItems, preview, scheduleEnd, moveTrialEnd };

  /** What a change would cost and lead to. */
  function preview(subscription: Stripe.Subscription, update: ItemsUpdate) {
    const at = update.prorationDate ?? clock.now();
    const { current_period_start: start = at } = subscription.items.data[0] ?? {};
    if (at < start || at > periodEndOf(subscription))
      throw invalid("The proration date must be within the current period.", { param: "proration_date" });
    const prorate = update.prorationBehavior !== "none";
    const change = planChange(subscription, update.items, { at, prorate, nameOf });
    return { ...change, at, isBilledNow: change.restarts || update.prorationBehavior === "always_invoice" };
  }

  /** Changes the items, and bills what that costs: at once, or with the next renewal. */
  function changeItems(subscription: Stripe.Subscription, update: ItemsUpdate): void {
    const change = preview(subscription, update);
    const { items, anchor, lines, isBilledNow } = change;
    const isDue = isBilledNow && lines.reduce((sum, line) => sum + line.amount, 0) > 0;
    if (isDue && update.paymentBehavior === "error_if_incomplete")
      refuseUnpayable(subscriptions.useOf(idOf(subscription.customer)));
    dropPendingUpdate(subscription);
    const waits = isDue && update.paymentBehavior === "pending_if_incomplete";
    if (!waits)
      revise(subscription, (it) => {
        it.items.data = items;
        it.billing_cycle_anchor = anchor;
      });
    if (waits) changeOncePaid(subscription, change);
    else if (isBilledNow && lines.length > 0) subscriptions.bill(subscription, "subscription_update", lines);
    else if (lines.length > 0)
      state.pendingLines.set(subscription.id, [...(state.pendingLines.get(subscription.id) ?? []), ...lines]);
  }

  /** Has a change wait for its invoice, which a person may have to pay. */
  function changeOncePaid(subscription: Stripe.Subscription, { items, anchor, lines }: PlanChange): void {
    subscriptions.bill(subscription, "subscription_update", lines, (invoice) =>
      state.pendingChanges.set(subscription.id, { invoice: invoice.id, items, anchor }),
    );
    if (!state.pendingChanges.has(subscription.id)) return;
    revise(subscription, (it) => {
      it.pending_update = {
        billing_cycle_anchor: anchor === it.billing_cycle_anchor ? null : anchor,
        cancel_at_period_end: null,
        discount: null,
        discounts: null,
        expires_at: Math.min(clock.now() + pendingHours * hourSeconds, periodEndOf(it)),
        metadata: null,
        subscription_items: items,
        trial_end: null,
        trial_from_plan: null,
      };
    });
  }

  /** An update that was not paid for gives way to the next one. */
  function dropPendingUpdate(subscription: Stripe.Subscription): void {
    const pending = state.pendingChanges.get(subscription.id);
    if (!pending) return;
    state.pendingChanges.delete(subscription.id);
    const invoice = state.invoices.get(pending.invoice);
    if (invoice?.status === "open") invoices.voidIt(invoice);
    revise(subscription, (it) => {
      it.pending_update = null;
    });
  }

  /** Sets when a subscription ends, or with null that it does not. In the flexible mode that is told by `cancel_at` alone. */
  function scheduleEnd(subscription: Stripe.Subscription, end: number | "period_end" | null): void {
    if (subscription.schedule !== null)
      throw invalid(
        `The subscription is managed by the subscription schedule \`${subscription.schedule}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
      );
    const at = end === "period_end" ? periodEndOf(subscription) : end;
    if (at !== null && at < clock.now())
      throw invalid("`cancel_at` must be in the future.", { param: "cancel_at" });
    revise(subscription, (it) => {
      it.cancel_at = at;
      it.cancel_at_period_end = end === "period_end" && it.billing_mode.type === "classic";
      it.canceled_at = at === null ? null : clock.now();
      if (it.cancellation_details)
        it.cancellation_details.reason = at === null ? null : "cancellation_requested";
    });
  }

  /** Makes the trial end at another time; it is billed when it does. */
  function moveTrialEnd(subscription: Stripe.Subscription, end: number): void {
    revise(subscription, (it) => {
      it.status = "trialing";
      it.trial_start ??= clock.now();
      it.trial_end = end;
      it.billing_cycle_anchor = end;
      for (const item of it.items.data) item.current_period_end = end;
    });
  }
}
