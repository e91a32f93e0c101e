import type Stripe from "stripe";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import type { Card } from "../state.ts";

export type PaymentOutcome = "succeeded" | "declined" | "requires_action";

export interface CardUse {
  card: Card;
  /** Whether the person is there and has confirmed the payment, if their card asks for it. */
  authenticated?: boolean;
}

/** What a card does when it is used. */
export function outcomeOf({ card, authenticated = false }: CardUse): PaymentOutcome {
  if (card === "succeeds" || (card === "requires_action" && authenticated)) return "succeeded";
  return card === "requires_action" ? card : "declined";
}

/** The one payment method that a customer has, or null. */
export function paymentMethodOf(customer: string, card: Card): string | null {
  return card === "none" ? null : customer.replace(/^cus_/, "pm_");
}

/** Makes payment intents and takes money for them, as the card in use lets it. */
export function createPayments({ state, clock, emit }: Core) {
  return { createIntent, attempt };

  function createIntent(wanted: {
    customer: string | null;
    amount: number;
    currency: string;
    description: string | null;
    metadata?: Stripe.Metadata;
  }): Stripe.PaymentIntent {
    const intent = newIntent({ id: newId("pi"), created: clock.now(), metadata: {}, ...wanted });
    state.paymentIntents.set(intent.id, intent);
    return intent;
  }

  /** Charges the card once. Each attempt but one that waits for the person leaves a charge, failed or not. */
  function attempt(intent: Stripe.PaymentIntent, use: CardUse): PaymentOutcome {
    const outcome = outcomeOf(use);
    const customer = intent.customer as string | null;
    intent.payment_method = customer && paymentMethodOf(customer, use.card);
    if (outcome === "requires_action") {
      intent.status = outcome;
      intent.next_action = { type: "use_stripe_sdk", use_stripe_sdk: {} } as Stripe.PaymentIntent.NextAction;
      return outcome;
    }
    intent.next_action = null;
    if (use.card !== "none") {
      const charge = newCharge(intent, outcome === "succeeded", newId("ch"), clock.now());
      state.charges.set(charge.id, charge);
      intent.latest_charge = charge.id;
      if (outcome === "succeeded") {
        intent.status = "succeeded";
        intent.amount_received = intent.amount;
        intent.last_payment_error = null;
        emit("payment_intent.succeeded", intent);
        emit("charge.succeeded", charge);
        return outcome;
      }
    }
    intent.status = "requires_payment_method";
    intent.last_payment_error = {
      type: "card_error",
      code: "card_declined",
      decline_code: "generic_decline",
      message: "Your card was declined.",
    };
    emit("payment_intent.payment_failed", intent);
    return outcome;
  }
}

function newIntent(made: {
  id: string;
  customer: string | null;
  amount: number;
  currency: string;
  description: string | null;
  metadata: Stripe.Metadata;
  created: number;
}): Stripe.PaymentIntent {
  return {
    ...made,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic",
    client_secret: `${made.id}_secret_${newId("x").slice(2)}`,
    confirmation_method: "automatic",
    customer_account: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: "requires_payment_method",
    transfer_data: null,
    transfer_group: null,
  };
}

function newCharge(intent: Stripe.PaymentIntent, paid: boolean, id: string, created: number): Stripe.Charge {
  return {
    id,
    object: "charge",
    amount: intent.amount,
    amount_captured: paid ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: paid ? newId("txn") : null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: null,
    captured: paid,
    created,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: paid ? null : "card_declined",
    failure_message: paid ? null : "Your card was declined.",
    fraud_details: null,
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: null,
    paid,
    payment_intent: intent.id,
    payment_method: intent.payment_method as string | null,
    payment_method_details: { type: "card" },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: paid ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  };
}
