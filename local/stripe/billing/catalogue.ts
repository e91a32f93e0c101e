import type Stripe from "stripe";

/** An amount as Stripe sends decimals: a text, of which its client makes a `Decimal`. */
export function decimal(amount: number): Stripe.Decimal {
  return String(amount) as unknown as Stripe.Decimal;
}

export interface NewProduct {
  id: string;
  name: string;
  description?: string | null;
  metadata?: Stripe.Metadata;
  active?: boolean;
  created: number;
}

/** A product in Stripe's shape. */
export function newProduct({
  id,
  name,
  description = null,
  metadata = {},
  active = true,
  created,
}: NewProduct): Stripe.Product {
  return {
    id,
    object: "product",
    active,
    created,
    default_price: null,
    description,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata,
    name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: "service",
    unit_label: null,
    updated: created,
    url: null,
  };
}

export interface NewPrice {
  id: string;
  product: string;
  unitAmount: number;
  currency?: string;
  /** Without it the price is paid once. */
  interval?: string | undefined;
  intervalCount?: number;
  lookupKey?: string | null;
  nickname?: string | null;
  metadata?: Stripe.Metadata;
  created: number;
}

/** A price in Stripe's shape. */
export function newPrice({ id, product, unitAmount, interval, created, ...more }: NewPrice): Stripe.Price {
  return {
    id,
    object: "price",
    active: true,
    billing_scheme: "per_unit",
    created,
    currency: more.currency ?? "usd",
    custom_unit_amount: null,
    livemode: false,
    lookup_key: more.lookupKey ?? null,
    metadata: more.metadata ?? {},
    nickname: more.nickname ?? null,
    product,
    recurring:
      interval === undefined
        ? null
        : {
            interval,
            interval_count: more.intervalCount ?? 1,
            meter: null,
            trial_period_days: null,
            usage_type: "licensed",
          },
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: interval === undefined ? "one_time" : "recurring",
    unit_amount: unitAmount,
    unit_amount_decimal: decimal(unitAmount),
  };
}

/** The old form of a recurring price, which items of subscriptions still have beside it. */
export function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: "per_unit",
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? "month",
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: "licensed",
  };
}
