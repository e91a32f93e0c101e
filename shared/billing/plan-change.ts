import type Stripe from "stripe";
import type { Database } from "../database/database.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Customers, Lease } from "./customers.ts";
import { findOffer, findSubscription } from "./offer.ts";
import { type ChangePreview, planItem, previewChange } from "./plan-preview.ts";
import { idOf } from "./read-payment.ts";
import { atStripe } from "./stripe-client.ts";
import type { StripeSync } from "./stripe-sync.ts";

export interface WantedChange {
  plan: string;
  interval: "month" | "year";
  /** The `prorationDate` of the preview, so that what was shown is what is charged; absent for now. Seconds since the epoch. */
  prorationDate?: number | undefined;
}

/** What became of a change. */
export interface ChangeOutcome {
  /** Where the customer must pay, or confirm the payment, before the change counts; null where it counts, or is scheduled. */
  paymentUrl: string | null;
}

/**
 * Changes of the subscription that somebody has. What is dearer counts at once and is charged for the rest of the period; what is
 * cheaper from the end of the period on.
 * @throws in each SluiceError subscription_not_found, payment_failed, billing_busy, billing_unavailable
 */
export interface PlanChange {
  /** @throws SluiceError plan_not_sold, plan_unchanged */
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
}

export function createPlanChange({ stripe, database, customers, sync }: PlanChangeOptions): PlanChange {
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
        await sync.followCustomer(customerId);
      }
    });
  }

  const retrieve = (id: string) => stripe.subscriptions.retrieve(id);

  /** Changes nothing that is paid: lets go of what is going to happen. */
  async function unschedule(subscription: Stripe.Subscription): Promise<void> {
    const schedule = idOf(subscription.schedule);
    if (schedule !== null) await stripe.subscriptionSchedules.release(schedule);
    if (subscription.cancel_at_period_end)
      await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
    else if (subscription.cancel_at !== null)
      await stripe.subscriptions.update(subscription.id, { cancel_at: "" });
  }

  async function upgrade(
    subscription: Stripe.Subscription,
    priceId: string,
    { prorationDate, lease }: { prorationDate: number | undefined; lease: Lease },
  ): Promise<ChangeOutcome> {
    const schedule = idOf(subscription.schedule);
    // What a schedule plans, Stripe lets nobody change beside it.
    if (schedule !== null) await stripe.subscriptionSchedules.release(schedule);
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
    await unschedule({ ...subscription, schedule: null });
    return { paymentUrl: null };
  }

  async function downgrade(subscription: Stripe.Subscription, priceId: string, interval: "month" | "year") {
    await unschedule({ ...subscription, schedule: null });
    const { id, phases } = await takeSchedule(subscription);
    const item = planItem(subscription);
    await stripe.subscriptionSchedules.update(id, {
      end_behavior: "release",
      proration_behavior: "none",
      phases: [
        {
          items: [{ price: item.price.id, quantity: item.quantity ?? 1 }],
          start_date: phases[0]?.start_date ?? item.current_period_start,
          end_date: item.current_period_end,
        },
        { items: [{ price: priceId, quantity: 1 }], duration: { interval, interval_count: 1 } },
      ],
    });
  }

  /** A schedule that was made, and for which nothing was planned because the call after it failed, is used now. */
  async function takeSchedule(subscription: Stripe.Subscription): Promise<Stripe.SubscriptionSchedule> {
    const schedule = idOf(subscription.schedule);
    return schedule === null
      ? stripe.subscriptionSchedules.create({ from_subscription: subscription.id })
      : stripe.subscriptionSchedules.retrieve(schedule);
  }

  function refuseUnpaid({ status }: Stripe.Subscription): void {
    if (status === "active" || status === "trialing") return;
    throw new SluiceError("payment_failed", {
      message: `The subscription is ${status}: pay its open invoice in the portal, or resume it, then change the plan.`,
    });
  }

  return {
    async preview(userId, wanted) {
      const offer = await findOffer(database, userId, wanted);
      if (offer.subscriptionId === null) throw new SluiceError("subscription_not_found");
      if (offer.isCurrent) throw new SluiceError("plan_unchanged", { param: "plan" });
      const { subscriptionId } = offer;
      return atStripe(async () =>
        previewChange(stripe, await retrieve(subscriptionId), offer, wanted.prorationDate),
      );
    },

    change: (userId, wanted) =>
      withSubscription(userId, async (subscription, lease) => {
        const { priceId, isCurrent, isUpgrade } = await findOffer(database, userId, wanted);
        if (isCurrent) {
          if (!isScheduled(subscription)) throw new SluiceError("plan_unchanged", { param: "plan" });
          await unschedule(subscription);
          return { paymentUrl: null };
        }
        refuseUnpaid(subscription);
        if (isUpgrade) return upgrade(subscription, priceId, { prorationDate: wanted.prorationDate, lease });
        await downgrade(subscription, priceId, wanted.interval);
        return { paymentUrl: null };
      }),

    cancel: (userId) =>
      withSubscription(userId, async (subscription) => {
        const isPaid = subscription.status === "active" || subscription.status === "trialing";
        if (isPaid && isEnding(subscription)) return;
        const schedule = idOf(subscription.schedule);
        if (schedule !== null) await stripe.subscriptionSchedules.release(schedule);
        if (isPaid) await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
        else await stripe.subscriptions.cancel(subscription.id);
      }),

    resume: (userId) =>
      withSubscription(userId, async (subscription) => {
        await unschedule(subscription);
        if (subscription.status === "paused") await stripe.subscriptions.resume(subscription.id);
      }),
  };
}

function isEnding(subscription: Stripe.Subscription): boolean {
  return subscription.cancel_at !== null || subscription.cancel_at_period_end;
}

function isScheduled(subscription: Stripe.Subscription): boolean {
  return isEnding(subscription) || subscription.schedule !== null;
}
