import type Stripe from "stripe";
import type { Offer } from "./offer.ts";
import { idOf } from "./read-payment.ts";
import { readSeconds } from "./subscription-row.ts";

/** What a change would do. Amounts are in the currency's smallest unit. */
export interface ChangePreview {
  isUpgrade: boolean;
  /** ISO 8601; null for at once, which is when a dearer plan counts. A cheaper one counts from the end of the paid period on. */
  effectiveAt: string | null;
  currency: string;
  /** What is to be paid at once. */
  amountDue: number;
  /** What is charged for the rest of the period, and what is credited of what was paid for it. */
  lines: { description: string | null; amount: number }[];
  /** To be sent with the change, so that what was shown is what is charged; null where nothing is. Seconds since the epoch. */
  prorationDate: number | null;
}

/** @param prorationDate seconds since the epoch; undefined for now */
export async function previewChange(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  { priceId, isUpgrade }: Offer,
  prorationDate: number | undefined,
): Promise<ChangePreview> {
  const item = planItem(subscription);
  if (!isUpgrade) {
    const effectiveAt = readSeconds(item.current_period_end);
    const { currency } = subscription;
    return { isUpgrade, effectiveAt, currency, amountDue: 0, lines: [], prorationDate: null };
  }
  const invoice = await stripe.invoices.createPreview({
    customer: idOf(subscription.customer) ?? "",
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: item.id, price: priceId }],
      proration_behavior: "always_invoice",
      ...(prorationDate === undefined ? {} : { proration_date: prorationDate }),
    },
  });
  const { subscription_proration_date: date } = invoice.parent?.subscription_details ?? {};
  return {
    isUpgrade,
    effectiveAt: null,
    currency: invoice.currency,
    amountDue: invoice.amount_due,
    lines: invoice.lines.data.map(({ description, amount }) => ({ description, amount })),
    prorationDate: date ?? prorationDate ?? null,
  };
}

/** Subscriptions that begin here have one item; of another one, that which is not the plan's stays as it is. */
export function planItem(subscription: Stripe.Subscription): Stripe.SubscriptionItem {
  const { data } = subscription.items;
  const item = data.find(({ price }) => price.metadata.plan !== undefined) ?? data[0];
  if (item === undefined) throw new Error("A subscription without items.");
  return item;
}
