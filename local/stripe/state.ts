import type Stripe from "stripe";

/** How a customer's card behaves. With `none` there is no card; no number of one is ever taken or kept. */
export const cards = ["succeeds", "declines", "requires_action", "none"] as const;
export type Card = (typeof cards)[number];

export interface Attempt {
  /** The machine's time, which the signature has too: not the stand-in's. */
  at: string;
  /** What was answered, or why nothing was. */
  outcome: number | string;
}

export interface Delivery {
  endpoint: "snapshot" | "thin";
  state: "held" | "dropped" | "waiting" | "delivered" | "failed";
  attempts: Attempt[];
}

export interface KeptEvent {
  event: Stripe.Event;
  deliveries: Delivery[];
}

/** A change of a subscription that waits for its invoice to be paid. */
export interface PendingChange {
  invoice: string;
  items: Stripe.SubscriptionItem[];
  anchor: number;
}

/** The first answer to a request with an idempotency key. */
export interface KeptAnswer {
  /** What was asked: the same key must not come with anything else. */
  request: string;
  status: number;
  body: unknown;
  at: number;
}

/** All that the stand-in keeps, in Stripe's own shapes; what refers to another object names its id. Maps are in order of creation. */
export interface State {
  /** What its clock is ahead of the machine's. */
  clockAheadMs: number;
  customers: Map<string, Stripe.Customer | Stripe.DeletedCustomer>;
  /** By customer; who is not in it has a card that succeeds. */
  cards: Map<string, Card>;
  products: Map<string, Stripe.Product>;
  prices: Map<string, Stripe.Price>;
  subscriptions: Map<string, Stripe.Subscription>;
  pendingChanges: Map<string, PendingChange>;
  /** Prorations that the subscription's next invoice bills. */
  pendingLines: Map<string, Stripe.InvoiceLineItem[]>;
  /** Subscriptions whose trial was said to end soon. */
  trialsAnnounced: Map<string, number>;
  schedules: Map<string, Stripe.SubscriptionSchedule>;
  invoices: Map<string, Stripe.Invoice>;
  invoicePayments: Map<string, Stripe.InvoicePayment>;
  sessions: Map<string, CheckoutSession>;
  portalSessions: Map<string, Stripe.BillingPortal.Session>;
  paymentIntents: Map<string, Stripe.PaymentIntent>;
  charges: Map<string, Stripe.Charge>;
  refunds: Map<string, Stripe.Refund>;
  disputes: Map<string, Stripe.Dispute>;
  features: Map<string, Stripe.Entitlements.Feature>;
  /** By id; each is a feature of a product. */
  productFeatures: Map<string, { product: string; feature: Stripe.ProductFeature }>;
  /** The lookup keys that a customer was last told to have. */
  entitlements: Map<string, string[]>;
  events: Map<string, KeptEvent>;
  answers: Map<string, KeptAnswer>;
}

export interface CheckoutSession {
  session: Stripe.Checkout.Session;
  lineItems: Stripe.LineItem[];
  subscriptionData: { metadata: Stripe.Metadata; trialDays: number };
  intentMetadata: Stripe.Metadata;
}

/** A stand-in that has nothing yet. */
export function emptyState(): State {
  return {
    clockAheadMs: 0,
    customers: new Map(),
    cards: new Map(),
    products: new Map(),
    prices: new Map(),
    subscriptions: new Map(),
    pendingChanges: new Map(),
    pendingLines: new Map(),
    trialsAnnounced: new Map(),
    schedules: new Map(),
    invoices: new Map(),
    invoicePayments: new Map(),
    sessions: new Map(),
    portalSessions: new Map(),
    paymentIntents: new Map(),
    charges: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    features: new Map(),
    productFeatures: new Map(),
    entitlements: new Map(),
    events: new Map(),
    answers: new Map(),
  };
}

/** The id of what a field refers to: stored objects hold ids, though their types allow the object itself. */
export function idOf(reference: string | { id: string }): string {
  return typeof reference === "string" ? reference : reference.id;
}
