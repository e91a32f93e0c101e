import type Stripe from "stripe";
import { daySeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { declined } from "../refusal.ts";
import { idOf } from "../state.ts";
import { subscriptionIdOf } from "./invoice-object.ts";
import type { createInvoices } from "./invoices.ts";
import { type CardUse, outcomeOf, type PaymentOutcome } from "./payments.ts";
import type { createTransitions } from "./transitions.ts";

/** How long after each failed attempt an invoice is tried again; after the last one the subscription is canceled. */
const retryWaitsDays = [3, 5, 7];

/** Has invoices of subscriptions paid, and subscriptions become what follows from that. */
export function createCollection(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  { revise, cancel }: ReturnType<typeof createTransitions>,
) {
  const { state, clock, emit } = core;
  return { draft, bill, pay, useOf };

  /** Has lines paid at once, with the prorations that have waited for an invoice; while collection is paused, as that says. */
  function bill(
    subscription: Stripe.Subscription,
    reason: Stripe.Invoice.BillingReason,
    lines: Stripe.InvoiceLineItem[],
    /** Told of the invoice before anybody pays it. */
    onDraft?: (invoice: Stripe.Invoice) => void,
  ): void {
    const pause = subscription.pause_collection;
    const invoice = draft(subscription, reason, [
      ...(state.pendingLines.get(subscription.id) ?? []),
      ...lines,
    ]);
    state.pendingLines.delete(subscription.id);
    onDraft?.(invoice);
    revise(subscription, (it) => {
      it.latest_invoice = invoice.id;
    });
    if (pause?.behavior === "keep_as_draft") {
      invoice.auto_advance = false;
      return;
    }
    invoices.finalize(invoice);
    if (pause?.behavior === "void") invoices.voidIt(invoice);
    else if (pause) invoice.status = "uncollectible";
    else pay(invoice, { ...useOf(idOf(subscription.customer)), isAutomatic: true });
  }

  function draft(
    subscription: Stripe.Subscription,
    reason: Stripe.Invoice.BillingReason,
    lines: Stripe.InvoiceLineItem[],
  ): Stripe.Invoice {
    const period = lines.at(-1)?.period ?? { start: clock.now(), end: clock.now() };
    const customer = core.findCustomer(idOf(subscription.customer));
    return invoices.draft({ customer, subscription, reason, lines, period });
  }

  /** Has an open invoice paid, and its subscription, if it is of one, become what follows from that. */
  function pay(invoice: Stripe.Invoice, use: CardUse & { isAutomatic?: boolean }): PaymentOutcome {
    const { isAutomatic = false } = use;
    const subscription = state.subscriptions.get(subscriptionIdOf(invoice) ?? "");
    const isRetried = subscription && !waitsForPerson(subscription, invoice);
    const isCounted = isAutomatic || invoice.attempt_count === 0;
    const waitDays = retryWaitsDays[invoice.attempt_count];
    const next = waitDays === undefined ? null : clock.now() + waitDays * daySeconds;
    const retryAt = isRetried ? (isCounted ? next : invoice.next_payment_attempt) : null;
    const outcome = invoices.collect(invoice, { ...use, isAutomatic, retryAt });
    if (subscription && outcome === "succeeded") becomePaid(subscription, invoice);
    else if (isRetried) becomeUnpaid(subscription, invoice);
    return outcome;
  }

  /** Whether an unpaid invoice is left to the person: the first one, one that an update waits for, one that a resumption waits for. */
  function waitsForPerson(subscription: Stripe.Subscription, invoice: Stripe.Invoice): boolean {
    if (state.pendingChanges.get(subscription.id)?.invoice === invoice.id) return true;
    return ["incomplete", "paused", "canceled", "incomplete_expired"].includes(subscription.status);
  }

  function becomePaid(subscription: Stripe.Subscription, invoice: Stripe.Invoice): void {
    const pending = state.pendingChanges.get(subscription.id);
    if (pending?.invoice === invoice.id) {
      const hasWaited = subscription.pending_update !== null;
      state.pendingChanges.delete(subscription.id);
      revise(subscription, (it) => {
        it.items.data = pending.items;
        it.billing_cycle_anchor = pending.anchor;
        it.pending_update = null;
      });
      if (hasWaited) emit("customer.subscription.pending_update_applied", subscription);
    }
    const wasPaused = subscription.status === "paused";
    if (subscription.latest_invoice !== invoice.id) return;
    if (!["incomplete", "past_due", "unpaid", "paused"].includes(subscription.status)) return;
    revise(subscription, (it) => {
      it.status = "active";
    });
    if (wasPaused) emit("customer.subscription.resumed", subscription);
  }

  function becomeUnpaid(subscription: Stripe.Subscription, invoice: Stripe.Invoice): void {
    revise(subscription, (it) => {
      it.status = "past_due";
    });
    if (invoice.next_payment_attempt === null) cancel(subscription, "payment_failed");
  }

  function useOf(customer: string): CardUse {
    return { card: core.cardOf(customer) };
  }
}

/** Throws the refusal that a card gets which would not pay, before anything is done. */
export function refuseUnpayable(use: CardUse): void {
  const outcome = outcomeOf(use);
  if (outcome !== "succeeded") throw declined(outcome === "requires_action");
}
