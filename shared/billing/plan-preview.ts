import type Stripe from "stripe";
import { SluiceError } from "../domain/errors.ts";
import { idOf } from "./id-of.ts";
import type { Offer } from "./offer.ts";
import { planItem, readSeconds } from "./subscription-row.ts";

/** What a change would do. Amounts are in the currency's smallest unit. */
export interface ChangePreview {
  isUpgrade: boolean;
  /** ISO 8601; null for at once, which is when a dearer plan counts. A cheaper one counts from the end of the paid period on. */
  effectiveAt: string | null;
  currency: string;
  /** What is to be paid at once. */
  amountDue: number;
  /** What is charged for the rest of the period, and what is credited of what was paid for it. */
  lines: { description: string | null; amount: number }[];
  /** To be sent with the change, so that what was shown is what is charged; null where nothing is. Seconds since the epoch. */
  prorationDate: number | null;
}

/** @param prorationDate seconds since the epoch; undefined for now */
export async function previewChange(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  { priceId, isUpgrade }: Offer,
  prorationDate: number | undefined,
): Promise<ChangePreview> {
  const item = planItem(subscription);
  if (!isUpgrade) {
    const effectiveAt = readSeconds(item.current_period_end);
    const { currency } = subscription;
    return { isUpgrade, effectiveAt, currency, amountDue: 0, lines: [], prorationDate: null };
  }
  const invoice = await previewInvoice(stripe, subscription, priceId, prorationDate);
  const { subscription_proration_date: date } = invoice.parent?.subscription_details ?? {};
  return {
    isUpgrade,
    effectiveAt: null,
    currency: invoice.currency,
    amountDue: invoice.amount_due,
    lines: invoice.lines.data.map(({ description, amount }) => ({ description, amount })),
    prorationDate: date ?? prorationDate ?? null,
  };
}

/** So long what was shown holds. */
const longestSeconds = 15 * 60;

/**
 * Refuses a date that no preview of the last 15 minutes gave: at a date of one's own choice the rest of the period costs next to nothing.
 * The clock is Stripe's.
 * @throws SluiceError invalid_request
 */
export async function checkProrationDate(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  priceId: string,
  prorationDate: number,
): Promise<void> {
  const now = await previewInvoice(stripe, subscription, priceId, undefined);
  const { subscription_proration_date: date = 0 } = now.parent?.subscription_details ?? {};
  if (prorationDate <= date && prorationDate >= date - longestSeconds) return;
  throw new SluiceError("invalid_request", {
    param: "prorationDate",
    message: "prorationDate: is not that of a preview of the last 15 minutes: ask for one anew.",
  });
}

function previewInvoice(
  stripe: Stripe,
  subscription: Stripe.Subscription,
  priceId: string,
  prorationDate: number | undefined,
): Promise<Stripe.Invoice> {
  return stripe.invoices.createPreview({
    customer: idOf(subscription.customer),
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: planItem(subscription).id, price: priceId }],
      proration_behavior: "always_invoice",
      ...(prorationDate === undefined ? {} : { proration_date: prorationDate }),
    },
  });
}
