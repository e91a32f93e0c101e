import type Stripe from "stripe";
import { newId } from "../new-id.ts";
import { planOf } from "./catalogue.ts";

export interface NewSubscription {
  id: string;
  customer: string;
  items: Stripe.SubscriptionItem[];
  anchor: number;
  status: Stripe.Subscription.Status;
  trialEnd: number | null;
  missingPaymentMethod: Stripe.Subscription.TrialSettings.EndBehavior.MissingPaymentMethod;
  billingMode: Stripe.Subscription.BillingMode.Type;
  paymentMethod: string | null;
  metadata: Stripe.Metadata;
  created: number;
}

/** A subscription in Stripe's shape. */
export function newSubscription(made: NewSubscription): Stripe.Subscription {
  const { id, items, created, trialEnd } = made;
  return {
    id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: made.anchor,
    billing_cycle_anchor_config: null,
    billing_mode: {
      type: made.billingMode,
      flexible: made.billingMode === "flexible" ? { proration_discounts: "included" } : null,
    },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: "charge_automatically",
    created,
    currency: items[0]?.price.currency ?? "usd",
    customer: made.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: made.paymentMethod,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    items: { object: "list", data: items, has_more: false, url: `/v1/subscription_items?subscription=${id}` },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: made.metadata,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: created,
    status: made.status,
    test_clock: null,
    transfer_data: null,
    trial_end: trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: made.missingPaymentMethod },
    },
    trial_start: trialEnd === null ? null : created,
  };
}

export interface NewItem {
  subscription: string;
  price: Stripe.Price;
  quantity: number;
  period: { start: number; end: number };
  created: number;
}

/** An item of a subscription in Stripe's shape; the period it is paid for is its own. */
export function newItem({
  subscription,
  price,
  quantity,
  period,
  created,
}: NewItem): Stripe.SubscriptionItem {
  return {
    id: newId("si"),
    object: "subscription_item",
    billing_thresholds: null,
    created,
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
  };
}

/** The interval at which a price is paid. */
export function intervalOf({ recurring }: Stripe.Price): Stripe.Price.Recurring {
  if (!recurring) throw new Error("A price that is paid once has no interval.");
  return recurring;
}

/** The end of the current period that comes first. */
export function periodEndOf({ items }: Stripe.Subscription): number {
  return Math.min(...items.data.map((item) => item.current_period_end));
}
