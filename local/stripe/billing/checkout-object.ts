import type Stripe from "stripe";
import { daySeconds } from "../calendar.ts";
import { newId } from "../new-id.ts";
import type { CheckoutSession } from "../state.ts";
import { costOf } from "./invoice-lines.ts";

export interface NewSession {
  id: string;
  url: string;
  customer: string | null;
  customerEmail: string | null;
  mode: "payment" | "subscription";
  items: { price: Stripe.Price; quantity: number; name: string }[];
  successUrl: string;
  cancelUrl: string | null;
  clientReferenceId: string | null;
  metadata: Stripe.Metadata;
  subscriptionData: CheckoutSession["subscriptionData"];
  intentMetadata: Stripe.Metadata;
  /** The metadata of the invoice that is wanted of a single payment; null for none. */
  invoiceMetadata: Stripe.Metadata | null;
  allowPromotionCodes: boolean | null;
  expiresAt: number | null;
  created: number;
}

/** An open session in Stripe's shape, with what it will lead to. */
export function newSession(made: NewSession): CheckoutSession {
  const lineItems = made.items.map(newLineItem);
  const amount = lineItems.reduce((sum, item) => sum + item.amount_total, 0);
  const session: Stripe.Checkout.Session = {
    id: made.id,
    object: "checkout.session",
    adaptive_pricing: null,
    after_expiration: null,
    allow_promotion_codes: made.allowPromotionCodes,
    allowed_payment_method_types: null,
    amount_subtotal: amount,
    amount_total: amount,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: made.cancelUrl,
    client_reference_id: made.clientReferenceId,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: made.created,
    currency: made.items[0]?.price.currency ?? "usd",
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: made.customer,
    customer_account: null,
    customer_creation: made.customer === null ? "always" : null,
    customer_details: null,
    customer_email: made.customerEmail,
    discounts: [],
    expires_at: made.expiresAt ?? made.created + daySeconds,
    integration_identifier: null,
    invoice: null,
    invoice_creation: made.mode === "subscription" ? null : newInvoiceCreation(made.invoiceMetadata),
    livemode: false,
    locale: null,
    managed_payments: null,
    metadata: made.metadata,
    mode: made.mode,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: made.mode === "subscription" ? "always" : "if_required",
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_status: "unpaid",
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: "open",
    submit_type: null,
    subscription: null,
    success_url: made.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: "hosted_page",
    url: made.url,
    wallet_options: null,
  };
  return {
    session,
    lineItems,
    subscriptionData: made.subscriptionData,
    intentMetadata: made.intentMetadata,
  };
}

function newLineItem({ price, quantity, name }: NewSession["items"][number]): Stripe.LineItem {
  const amount = costOf({ price, quantity });
  return {
    id: newId("li"),
    object: "item",
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: price.currency,
    description: name,
    metadata: {},
    price,
    quantity,
  };
}

function newInvoiceCreation(metadata: Stripe.Metadata | null): Stripe.Checkout.Session.InvoiceCreation {
  return {
    enabled: metadata !== null,
    invoice_data: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: null,
      metadata: metadata ?? {},
      rendering_options: null,
    },
  };
}
