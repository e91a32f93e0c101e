import type Stripe from "stripe";
import { endOfPeriod } from "../calendar.ts";
import type { Core } from "../core.ts";
import type { createEntitlements } from "../entitlements.ts";
import { newId } from "../new-id.ts";
import { idOf } from "../state.ts";
import { createCollection, refuseUnpayable } from "./collection.ts";
import { costOf, periodLine } from "./invoice-lines.ts";
import type { createInvoices } from "./invoices.ts";
import { type CardUse, paymentMethodOf } from "./payments.ts";
import { intervalOf, newItem, newSubscription } from "./subscription-object.ts";
import { createTransitions } from "./transitions.ts";

export type Subscriptions = ReturnType<typeof createSubscriptions>;

export interface NewSubscription {
  customer: string;
  items: { price: Stripe.Price; quantity: number }[];
  trialEnd: number | null;
  missingPaymentMethod?: Stripe.Subscription.TrialSettings.EndBehavior.MissingPaymentMethod | undefined;
  billingMode?: Stripe.Subscription.BillingMode.Type | undefined;
  paymentBehavior?: string | undefined;
  metadata: Stripe.Metadata;
  /** How the first invoice is paid; without it, with the customer's card and nobody there. */
  use?: CardUse;
}

/** Subscriptions: how they begin, and all that they go through. */
export function createSubscriptions(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  entitlements: ReturnType<typeof createEntitlements>,
) {
  const { state, clock, emit } = core;
  const transitions = createTransitions(core, entitlements);
  const collection = createCollection(core, invoices, transitions);
  const { draft, pay, useOf } = collection;
  return { ...transitions, ...collection, create, nameOf };

  function create(wanted: NewSubscription): Stripe.Subscription {
    const { customer, trialEnd, paymentBehavior = "allow_incomplete" } = wanted;
    const now = clock.now();
    const id = newId("sub");
    const use = wanted.use ?? useOf(customer);
    const items = wanted.items.map(({ price, quantity }) => {
      const period = { start: now, end: trialEnd ?? endOfPeriod(now, intervalOf(price), now) };
      return newItem({ subscription: id, price, quantity, period, created: now });
    });
    const cost = trialEnd === null ? items.reduce((sum, item) => sum + costOf(item), 0) : 0;
    if (paymentBehavior === "error_if_incomplete" && cost > 0) refuseUnpayable(use);
    const subscription = newSubscription({
      id,
      customer,
      items,
      anchor: trialEnd ?? now,
      status: trialEnd === null ? "incomplete" : "trialing",
      trialEnd,
      missingPaymentMethod: wanted.missingPaymentMethod ?? "create_invoice",
      billingMode: wanted.billingMode ?? "flexible",
      paymentMethod: paymentMethodOf(customer, use.card),
      metadata: wanted.metadata,
      created: now,
    });
    const lines = items.map((item) => {
      const period = { start: item.current_period_start, end: item.current_period_end };
      const line = periodLine(item, period, nameOf(item.price));
      return trialEnd === null
        ? line
        : { ...line, amount: 0, subtotal: 0, description: `Trial period for ${nameOf(item.price)}` };
    });
    const invoice = draft(subscription, "subscription_create", lines);
    subscription.latest_invoice = invoice.id;
    state.subscriptions.set(id, subscription);
    emit("customer.subscription.created", subscription);
    invoices.finalize(invoice);
    if (paymentBehavior !== "default_incomplete" || invoice.amount_due === 0) pay(invoice, use);
    entitlements.refresh(customer);
    return subscription;
  }

  function nameOf(price: Stripe.Price): string {
    return state.products.get(idOf(price.product))?.name ?? price.id;
  }
}
