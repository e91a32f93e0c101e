import Stripe from "stripe";
import type { Database } from "../database/database.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Buyer, Customers, Lease } from "./customers.ts";
import { findOffer, type Wanted } from "./offer.ts";
import { atStripe } from "./stripe-client.ts";

/** Stripe's page on which somebody pays. */
export interface CheckoutPage {
  url: string;
  /** ISO 8601. */
  expiresAt: string;
}

/**
 * Begins a purchase. Pages that were opened before can be paid no more; and nobody subscribes twice.
 * @param returnUrl where Stripe leads back to, with `checkout=success` or `checkout=cancelled` added
 * @throws SluiceError plan_not_sold, subscription_exists, billing_busy, billing_unavailable
 */
export type BeginCheckout = (buyer: Buyer, wanted: Wanted, returnUrl: string) => Promise<CheckoutPage>;

interface CheckoutOptions {
  stripe: Stripe;
  database: Database;
  customers: Customers;
}

/** Of these there can be no second subscription: they are paid for, or can come back to be. */
const liveStatuses: ReadonlySet<string> = new Set(["active", "trialing", "past_due", "unpaid", "paused"]);

export function createCheckout({ stripe, database, customers }: CheckoutOptions): BeginCheckout {
  return async (buyer, wanted, returnUrl) => {
    const { priceId } = await findOffer(database, buyer.userId, wanted);
    return customers.withLease(buyer.userId, (lease) =>
      customers.withCustomer(lease, buyer, (customer) =>
        atStripe(async () => {
          // First, because what is paid on one of them meanwhile is a subscription that the next step finds.
          await closeOpenPages(customer);
          if ("plan" in wanted) await refuseSecond(customer);
          return open(lease, { buyer, customer, priceId, wanted, returnUrl });
        }),
      ),
    );
  };

  async function closeOpenPages(customer: string): Promise<void> {
    const { data } = await stripe.checkout.sessions.list({ customer, status: "open", limit: 100 });
    for (const { id } of data) {
      try {
        await stripe.checkout.sessions.expire(id);
      } catch (error) {
        // It was paid, or expired, just now.
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      }
    }
  }

  async function refuseSecond(customer: string): Promise<void> {
    const subscriptions = await stripe.subscriptions
      .list({ customer, status: "all", limit: 100 })
      .autoPagingToArray({ limit: 1000 });
    if (subscriptions.some(({ status }) => liveStatuses.has(status)))
      throw new SluiceError("subscription_exists");
  }

  async function open(
    lease: Lease,
    asked: { buyer: Buyer; customer: string; priceId: string; wanted: Wanted; returnUrl: string },
  ): Promise<CheckoutPage> {
    const { buyer, customer, priceId, wanted, returnUrl } = asked;
    const metadata = { user_id: buyer.userId };
    const session = await stripe.checkout.sessions.create(
      {
        customer,
        client_reference_id: buyer.userId,
        metadata,
        line_items: [{ price: priceId, quantity: 1 }],
        success_url: addQuery(returnUrl, "checkout=success&session_id={CHECKOUT_SESSION_ID}"),
        cancel_url: addQuery(returnUrl, "checkout=cancelled"),
        ...("plan" in wanted
          ? { mode: "subscription", subscription_data: { metadata } }
          : { mode: "payment", payment_intent_data: { metadata }, invoice_creation: { enabled: true } }),
      },
      { idempotencyKey: `sluice-checkout-${lease.id}-${customer}` },
    );
    if (session.url === null) throw new Error("A hosted checkout session without an address.");
    return { url: session.url, expiresAt: new Date(session.expires_at * 1000).toISOString() };
  }
}

/** As a text: Stripe fills in what stands in braces, which a URL would encode. */
function addQuery(url: string, query: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}${query}`;
}
