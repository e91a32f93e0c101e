import type Stripe from "stripe";
import { type BillingPriceRow, readBillingPrice } from "./billing-price.ts";
import type { PaymentName } from "./event-subject.ts";
import { idOf } from "./id-of.ts";
import { readSeconds } from "./subscription-row.ts";

/** A payment as the database has it. Amounts are in the currency's smallest unit. */
interface PaymentRow {
  /** That of the payment intent: the one name under which a purchase arrives as a session and as an invoice. */
  id: string;
  subscription_id: string | null;
  currency: string;
  amount: number;
  refunded: number;
  disputed: number;
  paid_at: string;
  /** What the whole purchase cost, of which this may be a part; null where it is all. */
  purchase_total: number | null;
  lines: { price_id: string; quantity: number }[];
}

/** What was paid, by whom, and the prices that it was for, as far as Stripe gave them whole. */
export interface ReadPayment {
  customerId: string;
  payment: PaymentRow;
  prices: BillingPriceRow[];
}

interface Purchase {
  subscriptionId: string | null;
  total: number | null;
  lines: PaymentRow["lines"];
  prices: BillingPriceRow[];
}

const noPurchase: Purchase = { subscriptionId: null, total: null, lines: [], prices: [] };

/**
 * Reads payments as they stand at Stripe: what was paid, refunded and disputed, and what it was for.
 * @returns none for what is not paid (yet), costs nothing, or is nobody's
 */
export async function readPayments(stripe: Stripe, name: PaymentName): Promise<ReadPayment[]> {
  if ("paymentIntentId" in name) {
    const intent = await retrieveIntent(stripe, name.paymentIntentId);
    const read = await readIntent(stripe, intent, () => findPurchase(stripe, intent.id));
    return read === null ? [] : [read];
  }
  const { data } = await stripe.invoicePayments.list({ invoice: name.invoiceId, limit: 100 });
  const intentIds = data.flatMap(({ payment }) => idOf(payment.payment_intent) ?? []);
  const reads = intentIds.map(async (id) => {
    const intent = await retrieveIntent(stripe, id);
    // What a session sold is told by the session, so that one purchase reads the same whichever of its events led here.
    return readIntent(stripe, intent, () => findPurchase(stripe, id, name.invoiceId));
  });
  return (await Promise.all(reads)).filter((read) => read !== null);
}

function retrieveIntent(stripe: Stripe, id: string): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
}

async function readIntent(
  stripe: Stripe,
  intent: Stripe.PaymentIntent,
  findLines: () => Promise<Purchase>,
): Promise<ReadPayment | null> {
  const charge = readCharge(intent);
  const customerId = idOf(intent.customer);
  if (charge === null || customerId === null) return null;
  const [{ subscriptionId, total, lines, prices }, disputed] = await Promise.all([
    findLines(),
    charge.disputed ? sumDisputed(stripe, intent.id) : 0,
  ]);
  return {
    customerId,
    prices,
    payment: {
      id: intent.id,
      subscription_id: subscriptionId,
      currency: intent.currency,
      amount: intent.amount_received,
      refunded: charge.amount_refunded,
      disputed,
      paid_at: readSeconds(charge.created),
      purchase_total: total,
      lines,
    },
  };
}

/** The charge of a payment, given whole; null for what is not paid. */
export function readCharge(intent: Stripe.PaymentIntent): Stripe.Charge | null {
  const { latest_charge: charge } = intent;
  const isPaid = intent.status === "succeeded" && intent.amount_received > 0;
  return isPaid && charge !== null && typeof charge !== "string" ? charge : null;
}

/** Disputes that were won, and inquiries that came to nothing, took nothing. */
const harmlessDisputes = new Set(["won", "warning_closed", "warning_needs_response", "warning_under_review"]);

async function sumDisputed(stripe: Stripe, paymentIntentId: string): Promise<number> {
  const { data } = await stripe.disputes.list({ payment_intent: paymentIntentId, limit: 100 });
  return data
    .filter(({ status }) => !harmlessDisputes.has(status))
    .reduce((sum, { amount }) => sum + amount, 0);
}

async function findPurchase(stripe: Stripe, paymentIntentId: string, invoiceId?: string): Promise<Purchase> {
  const sessions = await stripe.checkout.sessions.list({
    payment_intent: paymentIntentId,
    limit: 1,
    expand: ["data.line_items"],
  });
  const items = sessions.data[0]?.line_items?.data;
  if (items !== undefined) return readSessionLines(items);
  return findInvoicePurchase(stripe, invoiceId ?? (await findInvoice(stripe, paymentIntentId)));
}

function readSessionLines(items: Stripe.LineItem[]): Purchase {
  const sold = items.flatMap(({ price, quantity }) => (price === null ? [] : [{ price, quantity }]));
  return {
    ...noPurchase,
    lines: sold.map(({ price, quantity }) => ({ price_id: price.id, quantity: quantity ?? 1 })),
    prices: sold.flatMap(({ price }) => readBillingPrice(price) ?? []),
  };
}

async function findInvoice(stripe: Stripe, paymentIntentId: string): Promise<string | null> {
  const { data } = await stripe.invoicePayments.list({
    payment: { type: "payment_intent", payment_intent: paymentIntentId },
    limit: 1,
  });
  return idOf(data[0]?.invoice ?? null);
}

async function findInvoicePurchase(stripe: Stripe, invoiceId: string | null): Promise<Purchase> {
  if (invoiceId === null) return noPurchase;
  const invoice = await stripe.invoices.retrieve(invoiceId);
  const subscriptionId = idOf(invoice.parent?.subscription_details?.subscription ?? null);
  // What a subscription costs buys no credits.
  if (subscriptionId !== null) return { ...noPurchase, subscriptionId };
  const lines = invoice.lines.data.flatMap(({ pricing, quantity }) => {
    const priceId = idOf(pricing?.price_details?.price ?? null);
    return priceId === null ? [] : [{ price_id: priceId, quantity: quantity ?? 1 }];
  });
  const prices = await Promise.all(lines.map(({ price_id }) => stripe.prices.retrieve(price_id)));
  // An invoice can be paid in parts.
  return {
    subscriptionId: null,
    total: invoice.total,
    lines,
    prices: prices.flatMap((price) => readBillingPrice(price) ?? []),
  };
}
