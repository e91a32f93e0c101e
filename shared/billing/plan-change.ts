import type Stripe from "stripe";
import type { Database } from "../database/database.ts";
import { describeCause } from "../domain/describe-cause.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Customers, Lease } from "./customers.ts";
import { findOffer, findSubscription } from "./offer.ts";
import { type ChangePreview, checkProrationDate, previewChange } from "./plan-preview.ts";
import {
  isEnding,
  isScheduled,
  keepGoing,
  refuseManaged,
  releaseSchedule,
  scheduleDowngrade,
  withSchedule,
} from "./plan-schedule.ts";
import { atStripe } from "./stripe-client.ts";
import type { StripeSync } from "./stripe-sync.ts";
import { planItem } from "./subscription-row.ts";

interface WantedChange {
  plan: string;
  interval: "month" | "year";
  /** The `prorationDate` of the preview, so that what was shown is what is charged; absent for now. Seconds since the epoch. */
  prorationDate?: number | undefined;
}

/** What became of a change. */
interface ChangeOutcome {
  /** Where the customer must pay, or confirm the payment, before the change counts; null where it counts, or is scheduled. */
  paymentUrl: string | null;
}

/**
 * Changes of the subscription that somebody has. What is dearer counts at once and is charged for the rest of the period; what is
 * cheaper from the end of the period on.
 * @throws in each SluiceError subscription_not_found, subscription_managed where a schedule of the operator's plans it, payment_failed,
 *   billing_busy, billing_unavailable
 */
export interface PlanChange {
  /** @throws SluiceError plan_not_sold, plan_unchanged; invalid_request for a prorationDate that is no preview's */
  preview(userId: string, wanted: WantedChange): Promise<ChangePreview>;
  /** @throws SluiceError the same. To choose the plan that one has, undoes what is scheduled. */
  change(userId: string, wanted: WantedChange): Promise<ChangeOutcome>;
  /** Ends the subscription with the paid period; at once where nothing is paid. Twice is once. */
  cancel(userId: string): Promise<void>;
  /** Undoes what is scheduled, and goes on with a subscription that is paused. Twice is once. */
  resume(userId: string): Promise<void>;
}

interface PlanChangeOptions {
  stripe: Stripe;
  database: Database;
  customers: Customers;
  sync: StripeSync;
  writeLog(line: string): void;
}

export function createPlanChange(options: PlanChangeOptions): PlanChange {
  const { stripe, database, customers, sync } = options;
  const retrieve = (id: string) => stripe.subscriptions.retrieve(id, withSchedule);

  /** Does something with the caller's subscription as it stands, and has the database follow. */
  async function withSubscription<Result>(
    userId: string,
    work: (subscription: Stripe.Subscription, lease: Lease) => Promise<Result>,
  ): Promise<Result> {
    return customers.withLease(userId, async (lease) => {
      const { customerId } = lease;
      if (customerId === null) throw new SluiceError("subscription_not_found");
      // What is known of it may be old: an event may be under way.
      await sync.followCustomer(customerId);
      const id = await findSubscription(database, userId);
      if (id === null) throw new SluiceError("subscription_not_found");
      try {
        return await atStripe(async () => work(await retrieve(id), lease));
      } finally {
        await follow(customerId);
      }
    });
  }

  /** What was done is done: where this fails, an event tells of it. */
  async function follow(customerId: string): Promise<void> {
    try {
      await sync.followCustomer(customerId);
    } catch (error) {
      options.writeLog(
        JSON.stringify({ event: "billing_not_followed", customerId, cause: describeCause(error) }),
      );
    }
  }

  async function upgrade(
    subscription: Stripe.Subscription,
    priceId: string,
    { prorationDate, lease }: { prorationDate: number | undefined; lease: Lease },
  ): Promise<ChangeOutcome> {
    if (prorationDate !== undefined) await checkProrationDate(stripe, subscription, priceId, prorationDate);
    await releaseSchedule(stripe, subscription);
    const changed = await stripe.subscriptions.update(
      subscription.id,
      {
        items: [{ id: planItem(subscription).id, price: priceId }],
        proration_behavior: "always_invoice",
        // Where the card is declined, or asks for the customer, nothing changes until the invoice is paid.
        payment_behavior: "pending_if_incomplete",
        ...(prorationDate === undefined ? {} : { proration_date: prorationDate }),
        expand: ["latest_invoice"],
      },
      { idempotencyKey: `sluice-change-${lease.id}` },
    );
    const { latest_invoice: invoice } = changed;
    if (changed.pending_update !== null && invoice !== null && typeof invoice !== "string")
      return { paymentUrl: invoice.hosted_invoice_url ?? null };
    // Not before it is paid: who is declined has not chosen to stay.
    await keepGoing(stripe, subscription);
    return { paymentUrl: null };
  }

  async function undo(subscription: Stripe.Subscription): Promise<void> {
    await releaseSchedule(stripe, subscription);
    await keepGoing(stripe, subscription);
  }

  return {
    async preview(userId, { prorationDate, ...wanted }) {
      const offer = await findOffer(database, userId, wanted);
      const { subscriptionId, priceId } = offer;
      if (subscriptionId === null) throw new SluiceError("subscription_not_found");
      if (offer.isCurrent) throw new SluiceError("plan_unchanged", { param: "plan" });
      return atStripe(async () => {
        const subscription = await retrieve(subscriptionId);
        refuseManaged(subscription);
        if (prorationDate !== undefined)
          await checkProrationDate(stripe, subscription, priceId, prorationDate);
        return previewChange(stripe, subscription, offer, prorationDate);
      });
    },

    change: (userId, { prorationDate, ...wanted }) =>
      withSubscription(userId, async (subscription, lease) => {
        const { priceId, isCurrent, isUpgrade } = await findOffer(database, userId, wanted);
        if (isCurrent) {
          if (!isScheduled(subscription)) throw new SluiceError("plan_unchanged", { param: "plan" });
          await undo(subscription);
          return { paymentUrl: null };
        }
        refuseUnpaid(subscription);
        if (isUpgrade) return upgrade(subscription, priceId, { prorationDate, lease });
        await scheduleDowngrade(stripe, subscription, { priceId, interval: wanted.interval });
        return { paymentUrl: null };
      }),

    cancel: (userId) =>
      withSubscription(userId, async (subscription) => {
        const isPaid = subscription.status === "active" || subscription.status === "trialing";
        if (isPaid && isEnding(subscription)) return;
        await releaseSchedule(stripe, subscription);
        if (isPaid) await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
        else await stripe.subscriptions.cancel(subscription.id);
      }),

    resume: (userId) =>
      withSubscription(userId, async (subscription) => {
        await undo(subscription);
        if (subscription.status === "paused") await stripe.subscriptions.resume(subscription.id);
      }),
  };
}

function refuseUnpaid({ status }: Stripe.Subscription): void {
  if (status === "active" || status === "trialing") return;
  throw new SluiceError("payment_failed", {
    message: `The subscription is ${status}: pay its open invoice in the portal, or resume it, then change the plan.`,
  });
}
