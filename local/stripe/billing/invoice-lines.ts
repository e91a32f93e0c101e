import type Stripe from "stripe";
import { newId } from "../new-id.ts";
import { idOf } from "../state.ts";

export interface NewLine {
  price: Stripe.Price;
  quantity: number;
  amount: number;
  description: string;
  period: { start: number; end: number };
  /** The subscription's item that is billed; null for what is bought once. */
  item: { id: string; subscription: string } | null;
  proration?: boolean;
}

/** A line of an invoice in Stripe's shape; the invoice that it gets into puts its own id there. */
export function newLine({
  price,
  quantity,
  amount,
  description,
  period,
  item,
  proration = false,
}: NewLine): Stripe.InvoiceLineItem {
  return {
    id: newId("il"),
    object: "line_item",
    amount,
    currency: price.currency,
    description,
    discount_amounts: [],
    discountable: !proration,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: {},
    parent: item && {
      type: "subscription_item_details",
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration,
        proration_details: { credited_items: null },
        subscription: item.subscription,
        subscription_item: item.id,
      },
    },
    period,
    pretax_credit_amounts: [],
    pricing: {
      type: "price_details",
      price_details: { price: price.id, product: idOf(price.product) },
      unit_amount_decimal: price.unit_amount_decimal,
    },
    quantity,
    quantity_decimal: null,
    subscription: item?.subscription ?? null,
    subtotal: amount,
    taxes: [],
  };
}

/** What a price costs that many times, in cents. */
export function costOf({ price, quantity = 1 }: { price: Stripe.Price; quantity?: number }): number {
  return (price.unit_amount ?? 0) * quantity;
}

/** The line that bills an item for a whole period. */
export function periodLine(
  item: Stripe.SubscriptionItem,
  period: { start: number; end: number },
  name: string,
): Stripe.InvoiceLineItem {
  const { price, quantity = 1 } = item;
  const every = `${price.recurring?.interval}`;
  return newLine({
    price,
    quantity,
    amount: costOf(item),
    description: `${quantity} × ${name} (at ${formatAmount(price.unit_amount ?? 0, price.currency)} / ${every})`,
    period,
    item: { id: item.id, subscription: item.subscription },
  });
}

/** An amount for people to read: `$8.00`. */
export function formatAmount(amount: number, currency: string): string {
  return new Intl.NumberFormat("en-US", { style: "currency", currency }).format(amount / 100);
}
