import type Stripe from "stripe";
import type { Interval } from "../calendar.ts";

export interface NewPhase {
  items: { price: string; quantity?: number | undefined }[];
  start_date?: number | "now" | undefined;
  end_date?: number | "now" | undefined;
  duration?: Interval | undefined;
  proration_behavior?: string | undefined;
  metadata?: Stripe.Metadata | undefined;
}

/** A phase in Stripe's shape. */
export function newPhase(made: {
  items: NewPhase["items"];
  start: number;
  end: number;
  proration?: string | undefined;
  metadata?: Stripe.Metadata | undefined;
}): Stripe.SubscriptionSchedule.Phase {
  return {
    add_invoice_items: [],
    application_fee_percent: null,
    billing_cycle_anchor: null,
    billing_thresholds: null,
    collection_method: null,
    currency: "usd",
    default_payment_method: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    end_date: made.end,
    invoice_settings: null,
    items: made.items.map(({ price, quantity = 1 }) => ({
      billing_thresholds: null,
      discounts: [],
      metadata: {},
      plan: price,
      price,
      quantity,
      tax_rates: [],
    })),
    metadata: made.metadata ?? {},
    on_behalf_of: null,
    proration_behavior: made.proration ?? "create_prorations",
    start_date: made.start,
    transfer_data: null,
    trial_end: null,
  };
}

/** A schedule in Stripe's shape, with its first phase. */
export function newSchedule(made: {
  id: string;
  subscription: Stripe.Subscription;
  phase: Stripe.SubscriptionSchedule.Phase;
  created: number;
}): Stripe.SubscriptionSchedule {
  const { id, subscription, phase, created } = made;
  return {
    id,
    object: "subscription_schedule",
    application: null,
    billing_mode: subscription.billing_mode,
    canceled_at: null,
    completed_at: null,
    created,
    current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    customer: subscription.customer,
    customer_account: null,
    default_settings: {
      application_fee_percent: null,
      billing_cycle_anchor: "automatic",
      billing_thresholds: null,
      collection_method: "charge_automatically",
      default_payment_method: null,
      description: null,
      invoice_settings: {
        account_tax_ids: null,
        custom_fields: null,
        days_until_due: null,
        description: null,
        footer: null,
        issuer: { type: "self" },
      },
      on_behalf_of: null,
      transfer_data: null,
    },
    end_behavior: "release",
    livemode: false,
    metadata: {},
    pause_schedules: [],
    phases: [phase],
    released_at: null,
    released_subscription: null,
    status: "active",
    subscription: subscription.id,
    test_clock: null,
  };
}
