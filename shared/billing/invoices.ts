import type Stripe from "stripe";
import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { atStripe } from "./stripe-client.ts";
import { readSeconds } from "./subscription-row.ts";

/** An invoice as its customer sees it. Amounts are in the currency's smallest unit, times ISO 8601. */
export interface Invoice {
  id: string;
  /** Null before it is final. */
  number: string | null;
  /** `draft`, `open`, `paid`, `uncollectible` or `void`. */
  status: string | null;
  currency: string;
  total: number;
  amountPaid: number;
  amountDue: number;
  createdAt: string;
  /** Stripe's page, on which an open one can be paid. */
  url: string | null;
  pdfUrl: string | null;
}

/** The invoices of a customer, the newest first. @throws SluiceError billing_unavailable; invalid_request for a cursor of another list */
export async function listInvoices(
  stripe: Stripe,
  customer: string,
  { limit, cursor }: Page,
): Promise<{ invoices: Invoice[]; nextCursor: string | null }> {
  const [after] = cursor === undefined ? [] : readCursor(cursor, z.tuple([z.string().startsWith("in_")]));
  const { data, has_more } = await atStripe(() =>
    stripe.invoices.list({ customer, limit, ...(after === undefined ? {} : { starting_after: after }) }),
  );
  const last = data.at(-1);
  return {
    invoices: data.map(describe),
    nextCursor: has_more && last !== undefined ? writeCursor([last.id]) : null,
  };
}

function describe(invoice: Stripe.Invoice): Invoice {
  return {
    id: invoice.id,
    number: invoice.number,
    status: invoice.status,
    currency: invoice.currency,
    total: invoice.total,
    amountPaid: invoice.amount_paid,
    amountDue: invoice.amount_remaining,
    createdAt: readSeconds(invoice.created),
    url: invoice.hosted_invoice_url ?? null,
    pdfUrl: invoice.invoice_pdf ?? null,
  };
}
