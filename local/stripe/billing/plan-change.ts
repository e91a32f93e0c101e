import type Stripe from "stripe";
import { endOfPeriod } from "../calendar.ts";
import { planOf } from "./catalogue.ts";
import { costOf, newLine, periodLine } from "./invoice-lines.ts";
import { intervalOf, newItem } from "./subscription-object.ts";

/** What is wanted of one item; without an id it is one more, as at Stripe. */
export interface ItemChange {
  id?: string | undefined;
  price?: Stripe.Price | undefined;
  quantity?: number | undefined;
  deleted?: boolean | undefined;
}

export interface PlanChange {
  items: Stripe.SubscriptionItem[];
  anchor: number;
  /** Credit for what is not used any more, and the price of what is used in its place. */
  lines: Stripe.InvoiceLineItem[];
  /** Whether a new period begins, which is billed at once. */
  restarts: boolean;
}

/**
 * Computes what a change of items at an instant costs and leads to; nothing is changed. Prorations count whole seconds: what remains of
 * the period over all of it. Another interval begins a new period at that instant.
 */
export function planChange(
  subscription: Stripe.Subscription,
  changes: ItemChange[],
  { at, prorate, nameOf }: { at: number; prorate: boolean; nameOf: (price: Stripe.Price) => string },
): PlanChange {
  const before = subscription.items.data;
  const isTrial = subscription.status === "trialing";
  const kept = before.flatMap((item) => {
    const change = changes.find(({ id }) => id === item.id);
    return change?.deleted ? [] : [change ? changeItem(item, change) : item];
  });
  const period = { start: at, end: Math.max(...before.map((item) => item.current_period_end)) };
  // Where a period ends, nothing is left of it.
  const isProrated = prorate && at < period.end;
  const added = changes.flatMap(({ id, price, quantity = 1 }) =>
    id === undefined && price
      ? [newItem({ subscription: subscription.id, price, quantity, period, created: at })]
      : [],
  );
  let items = [...kept, ...added];
  const restarts =
    !isTrial && items.some((item) => before.some((old) => old.id === item.id && !sameInterval(old, item)));
  if (restarts)
    items = items.map((item) => ({
      ...item,
      current_period_start: at,
      current_period_end: endOfPeriod(at, intervalOf(item.price), at),
    }));
  return {
    items,
    anchor: restarts ? at : subscription.billing_cycle_anchor,
    lines: isTrial ? [] : [...credits(), ...charges()],
    restarts,
  };

  function credits(): Stripe.InvoiceLineItem[] {
    if (!isProrated) return [];
    return before
      .filter((old) => restarts || !items.some((item) => isSame(old, item)))
      .map((old) => {
        const amount = -part(costOf(old), old, at);
        return prorated(old, amount, `Unused time on ${nameOf(old.price)}`);
      });
  }

  function charges(): Stripe.InvoiceLineItem[] {
    if (restarts)
      return items.map((item) =>
        periodLine(item, { start: at, end: item.current_period_end }, nameOf(item.price)),
      );
    if (!isProrated) return [];
    return items
      .filter((item) => !before.some((old) => isSame(old, item)))
      .map((item) => {
        const old = before.find(({ id }) => id === item.id) ?? before[0] ?? item;
        return prorated(item, part(costOf(item), old, at), `Remaining time on ${nameOf(item.price)}`);
      });
  }

  function prorated(item: Stripe.SubscriptionItem, amount: number, description: string) {
    return newLine({
      price: item.price,
      quantity: item.quantity ?? 1,
      amount,
      description,
      period: { start: at, end: item.current_period_end },
      item,
      proration: true,
    });
  }
}

/** The part of an amount that the rest of a period costs. */
function part(
  amount: number,
  { current_period_start: start, current_period_end: end }: Stripe.SubscriptionItem,
  at: number,
) {
  return Math.round((amount * (end - at)) / (end - start));
}

function changeItem(
  item: Stripe.SubscriptionItem,
  { price = item.price, quantity = item.quantity ?? 1 }: ItemChange,
) {
  return { ...item, price, plan: planOf(price), quantity };
}

function isSame(a: Stripe.SubscriptionItem, b: Stripe.SubscriptionItem): boolean {
  return a.id === b.id && a.price.id === b.price.id && a.quantity === b.quantity;
}

function sameInterval(a: Stripe.SubscriptionItem, b: Stripe.SubscriptionItem): boolean {
  const [one, other] = [intervalOf(a.price), intervalOf(b.price)];
  return one.interval === other.interval && one.interval_count === other.interval_count;
}
