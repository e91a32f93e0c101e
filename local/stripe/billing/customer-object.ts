import type Stripe from "stripe";

export interface NewCustomer {
  id: string;
  email: string | null;
  name?: string | null;
  description?: string | null;
  metadata?: Stripe.Metadata;
  created: number;
}

/** A customer in Stripe's shape. */
export function newCustomer({
  id,
  email,
  name = null,
  description = null,
  metadata = {},
  created,
}: NewCustomer): Stripe.Customer {
  return {
    id,
    object: "customer",
    address: null,
    balance: 0,
    created,
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description,
    discount: null,
    email,
    invoice_prefix: id.slice(-8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata,
    name,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  };
}
