import type Stripe from "stripe";
import { z } from "zod";
import { refuseUnpayable } from "../billing/collection.ts";
import { periodLine } from "../billing/invoice-lines.ts";
import { newInvoice, subscriptionIdOf } from "../billing/invoice-object.ts";
import type { createInvoices } from "../billing/invoices.ts";
import { intervalOf, periodEndOf } from "../billing/subscription-object.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { createUpdateSubscription } from "../billing/update-subscription.ts";
import { endOfPeriod } from "../calendar.ts";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { missing, Refusal } from "../refusal.ts";
import { idOf } from "../state.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { flag, isWithin, range, text, unsettable, whole } from "./parameters.ts";
import { findSubscription, itemChanges, readItems } from "./subscription-items.ts";

/** Calls for invoices, their previews and their payments. */
export function invoiceEndpoints(
  core: Core,
  invoices: ReturnType<typeof createInvoices>,
  subscriptions: Subscriptions,
  updates: ReturnType<typeof createUpdateSubscription>,
): Endpoint[] {
  const { state, clock } = core;
  return [
    listEndpoint(
      "GET /v1/invoices",
      {
        customer: text.optional(),
        status: z.enum(["draft", "open", "paid", "uncollectible", "void"]).optional(),
        subscription: text.optional(),
        created: range.optional(),
      },
      ({ customer, status, subscription, created }) => {
        core.requireCustomer(customer);
        return [...state.invoices.values()].filter(
          (invoice) =>
            (customer === undefined || invoice.customer === customer) &&
            (status === undefined || invoice.status === status) &&
            (subscription === undefined || subscriptionIdOf(invoice) === subscription) &&
            isWithin(invoice.created, created),
        );
      },
    ),
    endpoint(
      "POST /v1/invoices/create_preview",
      {
        customer: text.optional(),
        subscription: text,
        subscription_details: z
          .strictObject({
            items: itemChanges.optional(),
            proration_behavior: z.enum(["always_invoice", "create_prorations", "none"]).optional(),
            proration_date: whole.optional(),
            cancel_at: unsettable(whole).optional(),
            cancel_at_period_end: flag.optional(),
          })
          .optional(),
      },
      ({ subscription: id, subscription_details: details = {} }) => preview(id, details),
    ),
    endpoint("GET /v1/invoices/:id", {}, (_, id = "") => find(id)),
    endpoint("POST /v1/invoices/:id/pay", { off_session: flag.optional() }, (_, id = "") => {
      const invoice = find(id);
      const use = subscriptions.useOf(idOf(invoice.customer ?? ""));
      if (subscriptions.pay(invoice, use) !== "succeeded") refuseUnpayable(use);
      return invoice;
    }),
    endpoint("POST /v1/invoices/:id/void", {}, (_, id = "") => {
      const invoice = find(id);
      invoices.voidIt(invoice);
      return invoice;
    }),
    listEndpoint(
      "GET /v1/invoice_payments",
      {
        invoice: text.optional(),
        status: z.enum(["canceled", "open", "paid"]).optional(),
        payment: z
          .strictObject({ type: z.literal("payment_intent"), payment_intent: text.optional() })
          .optional(),
      },
      ({ invoice, status, payment }) =>
        [...state.invoicePayments.values()].filter(
          (each) =>
            (invoice === undefined || each.invoice === invoice) &&
            (status === undefined || each.status === status) &&
            (payment?.payment_intent === undefined || each.payment.payment_intent === payment.payment_intent),
        ),
    ),
  ];

  function find(id: string): Stripe.Invoice {
    const invoice = state.invoices.get(id);
    if (!invoice) throw missing("invoice", id);
    return invoice;
  }

  /** The invoice that comes next: at once where the change is billed at once, else with the next renewal. */
  function preview(
    id: string,
    details: {
      items?: z.infer<typeof itemChanges> | undefined;
      proration_behavior?: string | undefined;
      proration_date?: number | undefined;
      cancel_at?: number | null | undefined;
      cancel_at_period_end?: boolean | undefined;
    },
  ): Stripe.Invoice {
    const subscription = findSubscription(core, id, "subscription");
    const change = updates.preview(subscription, {
      items: readItems(core, subscription, details.items ?? []),
      prorationBehavior: details.proration_behavior,
      prorationDate: details.proration_date,
    });
    const end = periodEndOf(subscription);
    const isBilledNow = details.items !== undefined && change.isBilledNow;
    const cancelAt = details.cancel_at_period_end
      ? end
      : details.cancel_at === undefined
        ? subscription.cancel_at
        : details.cancel_at;
    const lines = [...change.lines];
    if (!isBilledNow) {
      lines.unshift(...(state.pendingLines.get(id) ?? []));
      const renews = !subscription.ended_at && (cancelAt === null || cancelAt > end);
      if (renews) lines.push(...change.items.map(renewalLine));
      else if (lines.length === 0)
        throw new Refusal(404, {
          type: "invalid_request_error",
          code: "invoice_upcoming_none",
          message: "No upcoming invoices for customer",
        });
    }
    return newInvoice({
      id: newId("upcoming_in"),
      customer: core.findCustomer(idOf(subscription.customer)),
      subscription,
      reason: isBilledNow ? "subscription_update" : "upcoming",
      lines,
      period: { start: subscription.items.data[0]?.current_period_start ?? end, end },
      currency: subscription.currency,
      prorationDate: change.lines.length > 0 ? change.at : undefined,
      created: isBilledNow ? clock.now() : end,
    });

    function renewalLine(item: Stripe.SubscriptionItem): Stripe.InvoiceLineItem {
      const period = { start: end, end: endOfPeriod(change.anchor, intervalOf(item.price), end) };
      return periodLine(item, period, subscriptions.nameOf(item.price));
    }
  }
}
