import type Stripe from "stripe";

const seconds = (iso: string) => Date.parse(iso) / 1000;

/** As Stripe has them, as far as we read them. */
type Given<Whole> = { [Key in keyof Whole]?: unknown };

export function price(given: Given<Stripe.Price> = {}): Stripe.Price {
  return {
    id: "price_pro",
    object: "price",
    active: true,
    created: seconds("2027-01-01T00:00Z"),
    currency: "usd",
    metadata: { plan: "pro" },
    recurring: { interval: "month", interval_count: 1 },
    type: "recurring",
    unit_amount: 2000,
    ...given,
  } as unknown as Stripe.Price;
}

export function item(given: Given<Stripe.SubscriptionItem> = {}): Stripe.SubscriptionItem {
  return {
    id: "si_1",
    object: "subscription_item",
    current_period_start: seconds("2027-03-10T00:00Z"),
    current_period_end: seconds("2027-04-10T00:00Z"),
    price: price(),
    quantity: 1,
    ...given,
  } as unknown as Stripe.SubscriptionItem;
}

export function subscription({
  items = [item()],
  ...given
}: Given<Omit<Stripe.Subscription, "items">> & {
  items?: Stripe.SubscriptionItem[];
} = {}): Stripe.Subscription {
  return {
    id: "sub_1",
    object: "subscription",
    cancel_at: null,
    cancel_at_period_end: false,
    currency: "usd",
    customer: "cus_1",
    ended_at: null,
    items: { object: "list", data: items, has_more: false, url: "" },
    pause_collection: null,
    pending_update: null,
    schedule: null,
    start_date: seconds("2027-03-10T00:00Z"),
    status: "active",
    ...given,
  } as unknown as Stripe.Subscription;
}
