import { z } from "zod";
import type { createRenewals } from "../billing/renewals.ts";
import { periodEndOf } from "../billing/subscription-object.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { Core } from "../core.ts";
import { invalid } from "../refusal.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { findSubscription } from "./subscription-items.ts";

/** Calls that pause subscriptions and resume them. */
export function pauseEndpoints(
  core: Core,
  subscriptions: Subscriptions,
  renewals: ReturnType<typeof createRenewals>,
): Endpoint[] {
  const { clock, emit } = core;
  const find = (id: string) => findSubscription(core, id);
  return [
    endpoint(
      "POST /v1/subscriptions/:id/pause",
      { type: z.literal("subscription").optional() },
      (_, id = "") => {
        const subscription = find(id);
        if (!["active", "trialing", "past_due"].includes(subscription.status))
          throw invalid(`You cannot pause a subscription that is ${subscription.status}.`);
        subscriptions.pause(subscription);
        return subscription;
      },
    ),
    endpoint(
      "POST /v1/subscriptions/:id/resume",
      {
        billing_cycle_anchor: z.strictObject({ type: z.enum(["now", "unchanged"]) }).optional(),
        payment_behavior: z.enum(["resume_on_payment_attempt", "resume_on_payment_success"]).optional(),
        proration_behavior: z.enum(["always_invoice", "create_prorations", "none"]).optional(),
      },
      ({ billing_cycle_anchor, payment_behavior }, id = "") => {
        const subscription = find(id);
        if (subscription.status !== "paused")
          throw invalid("You can only resume a subscription that is paused.");
        const now = clock.now();
        const isUnchanged = billing_cycle_anchor?.type === "unchanged";
        const isPaidFor = isUnchanged && periodEndOf(subscription) > now;
        if (isPaidFor || payment_behavior === "resume_on_payment_attempt") {
          subscriptions.revise(subscription, (it) => {
            it.status = "active";
          });
          emit("customer.subscription.resumed", subscription);
        }
        if (isPaidFor) return subscription;
        subscriptions.revise(subscription, (it) => {
          if (!isUnchanged) it.billing_cycle_anchor = now;
          for (const item of it.items.data) item.current_period_end = now;
        });
        renewals.startPeriod(subscription, "subscription_update");
        return subscription;
      },
    ),
  ];
}
