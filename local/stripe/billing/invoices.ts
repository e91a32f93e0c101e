import type Stripe from "stripe";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { invalid } from "../refusal.ts";
import { type NewInvoice, newInvoice } from "./invoice-object.ts";
import { type CardUse, createPayments, type PaymentOutcome } from "./payments.ts";

export interface Collection extends CardUse {
  /** When it will be tried again if this does not succeed. */
  retryAt: number | null;
  /** Whether the schedule of retries has it tried: what a person tries beside it is not counted. */
  isAutomatic: boolean;
}

/** Writes invoices and has them paid. What a payment means for the subscription is not decided here. */
export function createInvoices(core: Core) {
  const { state, clock, emit, url } = core;
  const payments = createPayments(core);
  return { draft, finalize, collect, settle, voidIt, payments };

  function draft(wanted: Omit<NewInvoice, "id" | "created" | "currency">): Stripe.Invoice {
    const currency = wanted.lines[0]?.currency ?? "usd";
    const invoice = newInvoice({ ...wanted, id: newId("in"), currency, created: clock.now() });
    state.invoices.set(invoice.id, invoice);
    emit("invoice.created", invoice);
    return invoice;
  }

  /** Opens a draft for payment: from here its amount is settled, and the customer's credit is used up or grows. */
  function finalize(invoice: Stripe.Invoice): void {
    const customer = core.findCustomer(invoice.customer as string);
    const balance = customer.balance + invoice.total;
    invoice.starting_balance = customer.balance;
    invoice.amount_due = invoice.amount_remaining = Math.max(0, balance);
    invoice.ending_balance = customer.balance = Math.min(0, balance);
    const sequence = customer.next_invoice_sequence ?? 1;
    invoice.number = `${customer.invoice_prefix}-${String(sequence).padStart(4, "0")}`;
    customer.next_invoice_sequence = sequence + 1;
    invoice.status = "open";
    invoice.effective_at = invoice.status_transitions.finalized_at = clock.now();
    invoice.hosted_invoice_url = `${url}/invoice/${invoice.id}`;
    emit("invoice.finalized", invoice);
  }

  /** Tries to have an open invoice paid; one of nothing is paid at once. */
  function collect(invoice: Stripe.Invoice, { retryAt, isAutomatic, ...use }: Collection): PaymentOutcome {
    if (invoice.status !== "open")
      throw invalid(`The invoice is ${invoice.status}, and only an open one is paid.`);
    if (invoice.amount_due === 0) {
      markPaid(invoice);
      return "succeeded";
    }
    const outcome = payments.attempt(intentOf(invoice) ?? openIntent(invoice), use);
    invoice.attempted = true;
    if (isAutomatic || invoice.attempt_count === 0) invoice.attempt_count++;
    if (outcome === "succeeded") {
      markPaid(invoice);
      return outcome;
    }
    invoice.next_payment_attempt = retryAt;
    emit("invoice.payment_failed", invoice);
    if (outcome === "requires_action") emit("invoice.payment_action_required", invoice);
    return outcome;
  }

  /** Notes that an open invoice was paid with this payment intent, before it was written. */
  function settle(invoice: Stripe.Invoice, intent: string): void {
    link(invoice, intent);
    markPaid(invoice);
  }

  function markPaid(invoice: Stripe.Invoice): void {
    const paidAt = clock.now();
    invoice.status = "paid";
    invoice.amount_paid = invoice.amount_due;
    invoice.amount_remaining = 0;
    invoice.attempted = true;
    invoice.auto_advance = false;
    invoice.next_payment_attempt = null;
    invoice.status_transitions.paid_at = paidAt;
    for (const payment of paymentsOf(invoice.id)) {
      payment.status = "paid";
      payment.amount_paid = payment.amount_requested;
      payment.status_transitions.paid_at = paidAt;
    }
    emit("invoice.paid", invoice);
    emit("invoice.payment_succeeded", invoice);
  }

  function voidIt(invoice: Stripe.Invoice): void {
    if (invoice.status !== "open")
      throw invalid(`The invoice is ${invoice.status}, and only an open one is voided.`);
    invoice.status = "void";
    invoice.auto_advance = false;
    invoice.next_payment_attempt = null;
    invoice.status_transitions.voided_at = clock.now();
    for (const payment of paymentsOf(invoice.id)) {
      payment.status = "canceled";
      payment.status_transitions.canceled_at = clock.now();
    }
    emit("invoice.voided", invoice);
  }

  function paymentsOf(invoice: string): Stripe.InvoicePayment[] {
    return [...state.invoicePayments.values()].filter((payment) => payment.invoice === invoice);
  }

  function intentOf({ id }: Stripe.Invoice): Stripe.PaymentIntent | undefined {
    return state.paymentIntents.get(paymentsOf(id)[0]?.payment.payment_intent as string);
  }

  /** An invoice keeps the one payment intent that all its attempts are made with. */
  function openIntent(invoice: Stripe.Invoice): Stripe.PaymentIntent {
    const intent = payments.createIntent({
      customer: invoice.customer as string,
      amount: invoice.amount_due,
      currency: invoice.currency,
      description: invoice.parent ? "Subscription update" : "Payment for Invoice",
    });
    link(invoice, intent.id);
    return intent;
  }

  function link(invoice: Stripe.Invoice, intent: string): void {
    const payment: Stripe.InvoicePayment = {
      id: newId("inpay"),
      object: "invoice_payment",
      amount_paid: null,
      amount_requested: invoice.amount_due,
      created: clock.now(),
      currency: invoice.currency,
      invoice: invoice.id,
      is_default: true,
      livemode: false,
      payment: { type: "payment_intent", payment_intent: intent },
      status: "open",
      status_transitions: { canceled_at: null, paid_at: null },
    };
    state.invoicePayments.set(payment.id, payment);
  }
}
