import type Stripe from "stripe";
import { readInterval } from "./billing-price.ts";

/** A subscription as the database has it: what of Stripe's object decides about a plan. Times are ISO 8601. */
export interface SubscriptionRow {
  id: string;
  /** In Stripe's words; or `collection_paused`, while its invoices are voided. */
  status: string;
  price_id: string;
  interval: "month" | "year" | null;
  currency: string;
  /** What a month costs, in the currency's smallest unit. */
  monthly_amount: number;
  started_at: string;
  period_start: string | null;
  period_end: string | null;
  /** When it is to end, where it is scheduled to. */
  ends_at: string | null;
  ended_at: string | null;
  /** The price that a schedule changes it to, and when. */
  next_price_id: string | null;
  next_price_at: string | null;
  /** Whether its newest invoice waits for the customer. */
  payment_due: boolean;
}

/**
 * A subscription of Stripe's as the database has it: a function of the object alone.
 * Facts of API version 2026-10-28: periods are those of items; what ends says so in `cancel_at`, and besides in `cancel_at_period_end`
 * in the classic billing mode alone; what a schedule is going to do stands in its phases.
 * @param subscription with its schedule expanded
 * @throws Error for a subscription without items, which Stripe does not have
 */
export function readSubscription(subscription: Stripe.Subscription): SubscriptionRow {
  const item = planItem(subscription);
  const next = readNextPrice(subscription, item);
  const period = item.current_period_start < item.current_period_end;
  return {
    id: subscription.id,
    // Nothing is collected, and by Stripe's own words nothing is given.
    status: subscription.pause_collection?.behavior === "void" ? "collection_paused" : subscription.status,
    price_id: item.price.id,
    interval: readInterval(item.price),
    currency: subscription.currency,
    monthly_amount: sumMonthly(subscription.items.data),
    started_at: readSeconds(subscription.start_date),
    period_start: period ? readSeconds(item.current_period_start) : null,
    period_end: period ? readSeconds(item.current_period_end) : null,
    ends_at: optional(readEnd(subscription, item)),
    ended_at: optional(subscription.ended_at),
    next_price_id: next?.priceId ?? null,
    next_price_at: optional(next?.startsAt ?? null),
    payment_due:
      subscription.pending_update !== null ||
      subscription.status === "past_due" ||
      subscription.status === "incomplete",
  };
}

/**
 * The item whose price names a plan: of several the dearest one, of none the first.
 * @throws Error for a subscription without items, which Stripe does not have
 */
export function planItem({ items: { data } }: Stripe.Subscription): Stripe.SubscriptionItem {
  const named = data.filter(({ price }) => price.metadata.plan !== undefined);
  const [chosen] = (named.length > 0 ? named : data).toSorted(
    (a, b) => (b.price.unit_amount ?? 0) - (a.price.unit_amount ?? 0) || a.id.localeCompare(b.id),
  );
  if (chosen === undefined) throw new Error("A subscription without items.");
  return chosen;
}

function readEnd(subscription: Stripe.Subscription, item: Stripe.SubscriptionItem): number | null {
  if (subscription.cancel_at !== null) return subscription.cancel_at;
  if (subscription.cancel_at_period_end) return item.current_period_end;
  const { schedule } = subscription;
  if (schedule === null || typeof schedule === "string" || schedule.end_behavior !== "cancel") return null;
  return schedule.phases.at(-1)?.end_date ?? null;
}

/** The first price after the running phase that is another one, and none of the items beside the plan's. */
function readNextPrice(
  { schedule, items }: Stripe.Subscription,
  current: Stripe.SubscriptionItem,
): { priceId: string; startsAt: number } | null {
  const others = new Set(items.data.filter(({ id }) => id !== current.id).map(({ price }) => price.id));
  if (schedule === null || typeof schedule === "string" || schedule.current_phase === null) return null;
  const { start_date: runningSince } = schedule.current_phase;
  for (const phase of schedule.phases) {
    const [price] = phase.items
      .map(({ price }) => (typeof price === "string" ? price : price.id))
      .filter((id) => !others.has(id));
    if (phase.start_date > runningSince && price !== undefined && price !== current.price.id)
      return { priceId: price, startsAt: phase.start_date };
  }
  return null;
}

/** So many months are in one of these. */
const monthsPer: Record<string, number> = { day: 12 / 365, week: 12 / 52, month: 1, year: 12 };

function sumMonthly(items: Stripe.SubscriptionItem[]): number {
  const amounts = items.map(({ price, quantity = 1 }) => {
    const { interval = "month", interval_count: count = 1 } = price.recurring ?? {};
    return ((price.unit_amount ?? 0) * quantity) / ((monthsPer[interval] ?? 1) * count);
  });
  return Math.round(amounts.reduce((sum, amount) => sum + amount, 0));
}

/** Seconds since the epoch, as ISO 8601. */
export function readSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function optional(seconds: number | null): string | null {
  return seconds === null ? null : readSeconds(seconds);
}
