import type Stripe from "stripe";
import { type Core, previousAttributes } from "../core.ts";
import type { createEntitlements } from "../entitlements.ts";
import { idOf } from "../state.ts";
import { subscriptionIdOf } from "./invoice-object.ts";

/** What happens to a subscription itself: each change is told, and what the customer may use follows it. */
export function createTransitions(
  { state, clock, emit }: Core,
  entitlements: ReturnType<typeof createEntitlements>,
) {
  return { revise, pause, cancel };

  /** Changes a subscription, and says so if it is not as it was. */
  function revise(
    subscription: Stripe.Subscription,
    change: (subscription: Stripe.Subscription) => void,
  ): void {
    const before = structuredClone(subscription);
    change(subscription);
    const previous = previousAttributes(before, subscription);
    if (!previous) return;
    emit("customer.subscription.updated", subscription, previous);
    entitlements.refresh(idOf(subscription.customer));
  }

  /** Stops a subscription until it is resumed. */
  function pause(subscription: Stripe.Subscription): void {
    revise(subscription, (it) => {
      it.status = "paused";
    });
    emit("customer.subscription.paused", subscription);
  }

  /** Ends a subscription now. Its open invoices stay open, and nobody tries to have them paid any more. */
  function cancel(
    subscription: Stripe.Subscription,
    reason: Stripe.Subscription.CancellationDetails.Reason,
    details: { comment?: string | null | undefined; feedback?: string | null | undefined } = {},
  ): void {
    const now = clock.now();
    for (const invoice of state.invoices.values()) {
      if (subscriptionIdOf(invoice) !== subscription.id || invoice.status !== "open") continue;
      invoice.next_payment_attempt = null;
      invoice.auto_advance = false;
    }
    state.pendingChanges.delete(subscription.id);
    state.pendingLines.delete(subscription.id);
    const schedule = state.schedules.get((subscription.schedule as string | null) ?? "");
    if (schedule) {
      schedule.status = "canceled";
      schedule.canceled_at = now;
      schedule.current_phase = null;
      emit("subscription_schedule.canceled", schedule);
    }
    subscription.status = "canceled";
    subscription.pending_update = null;
    subscription.canceled_at ??= now;
    subscription.ended_at = now;
    subscription.cancellation_details = {
      comment: details.comment ?? subscription.cancellation_details?.comment ?? null,
      feedback: details.feedback ?? subscription.cancellation_details?.feedback ?? null,
      feedback_option: null,
      reason,
    };
    emit("customer.subscription.deleted", subscription);
    entitlements.refresh(idOf(subscription.customer));
  }
}
