import type Stripe from "stripe";

/** A price of Stripe's that is of a plan or of credits, as the database has it. */
export interface BillingPriceRow {
  id: string;
  plan_id: string | null;
  /** Null for one that is paid at another interval than each month or year, and for credits. */
  interval: "month" | "year" | null;
  credit_nano: number | null;
  /** In lower case. */
  currency: string;
  /** In the currency's smallest unit; null for one without a fixed amount, which gives its plan and is not offered. */
  amount: number | null;
  is_active: boolean;
  created_at: string;
}

/** The interval of a price that is paid each month or each year; null for any other. */
export function readInterval(price: Stripe.Price): "month" | "year" | null {
  if (price.recurring?.interval_count !== 1) return null;
  const interval: string = price.recurring.interval;
  return interval === "month" || interval === "year" ? interval : null;
}

/**
 * What a price is of, by its metadata: `plan`, the id of a plan, for one that recurs; `credit_usd`, how many US dollars of credits it
 * buys, for one that does not. Null for a price of anything else.
 */
export function readBillingPrice(price: Stripe.Price): BillingPriceRow | null {
  const { plan, credit_usd: credit } = price.metadata;
  const row = {
    id: price.id,
    currency: price.currency.toLowerCase(),
    amount: price.unit_amount,
    is_active: price.active,
    created_at: new Date(price.created * 1000).toISOString(),
  };
  if (price.type === "recurring" && plan !== undefined && /^[a-z][a-z0-9_-]{0,39}$/.test(plan))
    return { ...row, plan_id: plan, interval: readInterval(price), credit_nano: null };
  const creditNano = readUsd(credit ?? "");
  if (price.type === "one_time" && creditNano !== null)
    return { ...row, plan_id: null, interval: null, credit_nano: creditNano };
  return null;
}

/** Dollars with up to nine decimals, in nano-USD; null for what is no amount of at most a million. */
function readUsd(text: string): number | null {
  const [, whole, part = ""] = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const nano = Number(whole) * 1e9 + Number(part.padEnd(9, "0"));
  return nano > 0 && nano <= 1e15 ? nano : null;
}
