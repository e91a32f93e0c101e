import type Stripe from "stripe";
import { daySeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { invalid } from "../refusal.ts";
import type { CheckoutSession } from "../state.ts";
import { type NewSession, newSession } from "./checkout-object.ts";
import { newLine } from "./invoice-lines.ts";
import type { createInvoices } from "./invoices.ts";
import { type CardUse, outcomeOf, type PaymentOutcome } from "./payments.ts";
import type { Due } from "./renewals.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Sessions in which a person pays, or does not. */
export function createCheckout(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  subscriptions: Subscriptions,
) {
  const { state, clock, emit, url } = core;
  return { open, complete, expire, dueFor };

  function open(wanted: Omit<NewSession, "id" | "url" | "created">): Stripe.Checkout.Session {
    const id = newId("cs_test");
    const kept = newSession({ ...wanted, id, url: `${url}/checkout/${id}`, created: clock.now() });
    state.sessions.set(id, kept);
    return kept.session;
  }

  /** The person pays with this card. A payment that does not succeed leaves the session open. */
  function complete(kept: CheckoutSession, use: CardUse): PaymentOutcome {
    const { session, subscriptionData } = kept;
    const isSubscription = session.mode === "subscription";
    const isFree = session.amount_total === 0 || (isSubscription && subscriptionData.trialDays > 0);
    const outcome = isFree ? "succeeded" : isSubscription ? outcomeOf(use) : payOnce(kept, use);
    if (outcome !== "succeeded") return outcome;
    if (session.customer === null)
      session.customer = core.createCustomer({ email: session.customer_email }).id;
    const customer = session.customer as string;
    state.cards.set(customer, use.card);
    if (isSubscription) {
      const { metadata, trialDays } = subscriptionData;
      const subscription = subscriptions.create({
        customer,
        items: kept.lineItems.flatMap(({ price, quantity }) =>
          price ? [{ price, quantity: quantity ?? 1 }] : [],
        ),
        trialEnd: trialDays > 0 ? clock.now() + trialDays * daySeconds : null,
        metadata,
        use,
      });
      session.subscription = subscription.id;
      session.invoice = subscription.latest_invoice;
    } else if (session.invoice_creation?.enabled) session.invoice = writeInvoice(kept).id;
    const { email, name = null } = core.findCustomer(customer);
    session.customer_details = {
      address: null,
      business_name: null,
      email,
      individual_name: name,
      name,
      phone: null,
      tax_exempt: "none",
      tax_ids: [],
    };
    session.status = "complete";
    session.payment_status = isFree ? "no_payment_required" : "paid";
    session.url = null;
    emit("checkout.session.completed", session);
    return outcome;
  }

  /** A session keeps the one payment intent that all its attempts are made with. */
  function payOnce({ session, intentMetadata }: CheckoutSession, use: CardUse): PaymentOutcome {
    const intent =
      state.paymentIntents.get((session.payment_intent as string | null) ?? "") ??
      invoices.payments.createIntent({
        customer: session.customer as string | null,
        amount: session.amount_total ?? 0,
        currency: session.currency ?? "usd",
        description: null,
        metadata: intentMetadata,
      });
    session.payment_intent = intent.id;
    return invoices.payments.attempt(intent, use);
  }

  /** The invoice of what was just paid. */
  function writeInvoice({ session, lineItems }: CheckoutSession): Stripe.Invoice {
    const now = clock.now();
    const period = { start: now, end: now };
    const lines = lineItems.flatMap(({ price, quantity, amount_total: amount, description }) =>
      price
        ? [
            newLine({
              price,
              quantity: quantity ?? 1,
              amount,
              description: description ?? "",
              period,
              item: null,
            }),
          ]
        : [],
    );
    const customer = core.findCustomer(session.customer as string);
    const metadata = session.invoice_creation?.invoice_data.metadata ?? {};
    const invoice = invoices.draft({
      customer,
      subscription: null,
      reason: "manual",
      lines,
      period,
      metadata,
    });
    invoices.finalize(invoice);
    invoices.settle(invoice, session.payment_intent as string);
    return invoice;
  }

  function expire({ session }: CheckoutSession): void {
    if (session.status !== "open")
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
      );
    session.status = "expired";
    session.url = null;
    emit("checkout.session.expired", session);
  }

  function dueFor(kept: CheckoutSession): Due[] {
    const { status, expires_at: at } = kept.session;
    return status === "open" ? [{ at, run: () => expire(kept) }] : [];
  }
}
