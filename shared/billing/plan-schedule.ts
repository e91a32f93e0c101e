import type Stripe from "stripe";
import { SluiceError } from "../domain/errors.ts";
import { idOf } from "./id-of.ts";
import { planItem } from "./subscription-row.ts";

// A downgrade waits in a schedule of Stripe's. Operators have schedules of their own, such as a price that rises or a fixed term: these
// are theirs, and nothing that a customer does changes them.

/** A subscription with its schedule given whole. */
export const withSchedule = { expand: ["schedule"] };

const ours = { metadata: { sluice: "downgrade" } };

/** The schedule of a subscription that was read with `withSchedule`; null for none. */
function scheduleOf({ schedule }: Stripe.Subscription): Stripe.SubscriptionSchedule | null {
  return typeof schedule === "string" ? null : schedule;
}

/** A schedule that was just made of the subscription plans nothing: that is what is left where the call after it failed. */
function isOurs(schedule: Stripe.SubscriptionSchedule): boolean {
  const plansNothing = schedule.phases.length === 1 && schedule.end_behavior === "release";
  return schedule.metadata?.sluice === ours.metadata.sluice || plansNothing;
}

/** Whether it ends with the paid period, as who cancels wants it; an operator's term ends at another moment. */
function endsWithPeriod(subscription: Stripe.Subscription): boolean {
  const { current_period_end: periodEnd } = planItem(subscription);
  return subscription.cancel_at_period_end || subscription.cancel_at === periodEnd;
}

/** Whether something is going to happen that its customer has chosen. */
export function isScheduled(subscription: Stripe.Subscription): boolean {
  return scheduleOf(subscription) !== null || endsWithPeriod(subscription);
}

/** Whether it is going to end. */
export function isEnding({ cancel_at, cancel_at_period_end }: Stripe.Subscription): boolean {
  return cancel_at !== null || cancel_at_period_end;
}

/** @throws SluiceError subscription_managed */
export function refuseManaged(subscription: Stripe.Subscription): void {
  const schedule = scheduleOf(subscription);
  if (schedule !== null && !isOurs(schedule)) throw new SluiceError("subscription_managed");
}

/**
 * Lets go of the downgrade that waits. To be done before anything else is changed: what a schedule plans, Stripe lets nobody change
 * beside it.
 * @throws SluiceError subscription_managed
 */
export async function releaseSchedule(stripe: Stripe, subscription: Stripe.Subscription): Promise<void> {
  refuseManaged(subscription);
  const schedule = scheduleOf(subscription);
  if (schedule !== null) await stripe.subscriptionSchedules.release(schedule.id);
}

/** Has it go on after the paid period. An end that the operator has set stays. */
export async function keepGoing(stripe: Stripe, subscription: Stripe.Subscription): Promise<void> {
  if (subscription.cancel_at_period_end)
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
  else if (endsWithPeriod(subscription))
    await stripe.subscriptions.update(subscription.id, { cancel_at: "" });
}

/** Has another price begin with the next period; all else stays as it is, now and then. @throws SluiceError subscription_managed */
export async function scheduleDowngrade(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  { priceId, interval }: { priceId: string; interval: "month" | "year" },
): Promise<void> {
  refuseManaged(subscription);
  await keepGoing(stripe, subscription);
  const schedule =
    scheduleOf(subscription) ??
    (await stripe.subscriptionSchedules.create({ from_subscription: subscription.id }));
  const running = schedule.phases.find(
    ({ start_date: start }) => start === schedule.current_phase?.start_date,
  );
  if (running === undefined) throw new Error("A schedule without a running phase.");
  const item = planItem(subscription);
  const now = readPhase(running);
  await stripe.subscriptionSchedules.update(schedule.id, {
    ...ours,
    end_behavior: "release",
    proration_behavior: "none",
    phases: [
      { ...now, start_date: running.start_date, end_date: item.current_period_end },
      {
        ...now,
        items: now.items.map((each) => (each.price === item.price.id ? { ...each, price: priceId } : each)),
        duration: { interval, interval_count: 1 },
      },
    ],
  });
}

type Phase = Stripe.SubscriptionScheduleUpdateParams.Phase;

/** A phase as it has to be sent back: what is left out of it, Stripe takes away. */
function readPhase(phase: Stripe.SubscriptionSchedule.Phase): Phase {
  return {
    items: phase.items.map(({ price, quantity, discounts, tax_rates: rates }) => ({
      price: idOf(price),
      ...(quantity === undefined ? {} : { quantity }),
      ...listed("discounts", discounts.map(readDiscount)),
      ...listed(
        "tax_rates",
        (rates ?? []).map((rate) => idOf(rate)),
      ),
    })),
    ...listed("discounts", phase.discounts.map(readDiscount)),
    ...listed(
      "default_tax_rates",
      (phase.default_tax_rates ?? []).map((rate) => idOf(rate)),
    ),
    ...(phase.trial_end === null ? {} : { trial_end: phase.trial_end }),
    ...(phase.collection_method === null ? {} : { collection_method: phase.collection_method }),
    ...(phase.description === null ? {} : { description: phase.description }),
    ...(phase.metadata === null ? {} : { metadata: phase.metadata }),
  };
}

interface GivenDiscount {
  coupon?: string | { id: string } | null;
  discount?: string | { id: string } | null;
  promotion_code?: string | { id: string } | null;
}

/** One that is applied already is named as that, so that it goes on and does not begin anew. */
function readDiscount({ coupon, discount, promotion_code: code }: GivenDiscount) {
  if (discount) return { discount: idOf(discount) };
  return code ? { promotion_code: idOf(code) } : { coupon: idOf(coupon ?? "") };
}

function listed<Name extends string, Item>(name: Name, items: Item[]) {
  return (items.length === 0 ? {} : { [name]: items }) as { [Key in Name]?: Item[] };
}
