// @ts-check

/** @import { ComparisonRow, PlanLimit } from "../../../shared/billing/billing-view.ts" */

// What Stripe counts otherwise than in hundredths. Browsers have rules of their own, which differ from these.
const withoutFractions = new Set("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" "));
const inThousandths = new Set(["bhd", "jod", "kwd", "omr", "tnd"]);

/**
 * Writes an amount of Stripe's, which is in the currency's smallest unit: `$20.00`; a round one `$20`.
 * @param {number} amount
 * @param {string} currency
 * @param {{ round?: boolean }} [options]
 */
export function formatAmount(amount, currency, { round = false } = {}) {
  const digits = withoutFractions.has(currency) ? 0 : inThousandths.has(currency) ? 3 : 2;
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    trailingZeroDisplay: round ? "stripIfInteger" : "auto",
  }).format(shift(amount, digits));
}

/**
 * Writes nano-USD as dollars: with as many digits as it takes to tell less than a cent from nothing, and never more than there are.
 * @param {number} nano
 */
export function formatNano(nano) {
  const isSmall = nano !== 0 && Math.abs(nano) < 10_000_000;
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: "usd",
    ...(isSmall ? { maximumSignificantDigits: 3 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    // What is left is never more than there is.
    roundingMode: "floor",
  }).format(shift(nano, 9));
}

/** @param {number} count */
export function formatCount(count) {
  return new Intl.NumberFormat("en-US").format(count);
}

/** @param {string} instant ISO 8601 */
export function formatDay(instant) {
  return new Intl.DateTimeFormat("en-US", { dateStyle: "long" }).format(new Date(instant));
}

/**
 * Writes how much a limit allows; null for what is unlimited.
 * @param {number | null} amount
 * @param {string} unit
 */
export function formatLimit(amount, unit) {
  if (amount === null) return "Unlimited";
  return unit === "nano_usd" ? formatNano(amount) : formatCount(amount);
}

/**
 * Says what a limit is of: `Requests a day`.
 * @param {Omit<PlanLimit, "amount"> | Omit<ComparisonRow, "amounts">} limit
 */
export function nameLimit({ scope, scopeId, unit, window }) {
  const words = { requests: "Requests", tokens: "Tokens", nano_usd: "Budget", concurrent: "Requests" };
  const what = unit in words ? words[/** @type {keyof typeof words} */ (unit)] : unit;
  const when = window === "instant" ? "at once" : `a ${window}`;
  return `${what} ${when}${scope === "all" ? "" : ` (${scopeId})`}`;
}

/**
 * The amount with its decimal point moved, exactly, for `Intl.NumberFormat`.
 * @param {number} amount a whole number
 * @param {number} digits
 */
function shift(amount, digits) {
  return /** @type {`${number}`} */ (`${amount}e-${digits}`);
}
