import type Stripe from "stripe";
import { atStripe } from "./stripe-client.ts";

/**
 * Opens Stripe's pages on which a customer changes the card, pays open invoices and cancels.
 * @returns the address, good for once and for a few minutes
 * @throws SluiceError billing_unavailable
 */
export async function openPortal(stripe: Stripe, customer: string, returnUrl: string): Promise<string> {
  const session = await atStripe(() =>
    stripe.billingPortal.sessions.create({ customer, return_url: returnUrl }),
  );
  return session.url;
}
