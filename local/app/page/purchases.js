// @ts-check
import { button, element, table } from "./elements.js";
import { formatAmount, formatDay, formatLimit, formatNano, nameLimit } from "./format.js";

/** @import { PlanOverview } from "../../../shared/billing/billing-view.ts" */
/** @import { Invoice } from "../../../shared/billing/invoices.ts" */

/**
 * The plans side by side, a row for each limit.
 * @param {PlanOverview} overview
 */
export function showComparison({ plans, comparison }) {
  const rows = comparison.map(({ amounts, ...limit }) => [
    nameLimit(limit),
    ...plans.map(({ id }) => formatLimit(amounts[id] ?? null, limit.unit)),
  ]);
  return table("Compare plans", ["Limit", ...plans.map(({ name }) => name)], rows);
}

/**
 * The credits that are left and those that can be bought.
 * @param {{ leftNano: number, credits: PlanOverview["credits"] }} credits
 * @param {(creditNano: number) => void} buy
 */
export function showCredits({ leftNano, credits }, buy) {
  return [
    element(
      "p",
      {},
      "Credits pay for what goes beyond the budget of the month. You have ",
      element("strong", { id: "credits-left" }, formatNano(leftNano)),
      ".",
    ),
    element(
      "p",
      { class: "buttons" },
      ...credits.map(({ creditNano, amount, currency }) =>
        button(
          `Buy ${formatNano(creditNano)} of credits for ${formatAmount(amount, currency)}`,
          () => buy(creditNano),
          {
            quiet: true,
          },
        ),
      ),
    ),
  ];
}

/**
 * Invoices, the newest first.
 * @param {Invoice[]} invoices
 * @param {(() => void) | null} readMore null where these are all
 */
export function showInvoices(invoices, readMore) {
  const rows = invoices.map(({ number, createdAt, status, total, currency, url }) => [
    number ?? "Draft",
    formatDay(createdAt),
    status ?? "",
    formatAmount(total, currency),
    // An address that runs as a script would run as this page.
    url !== null && /^https?:\/\//.test(url)
      ? element("a", { href: url, "aria-label": `Show invoice ${number ?? ""}` }, "Show")
      : "",
  ]);
  return [
    table("Invoices", ["Number", "Date", "Status", "Total", "Page"], rows),
    ...(readMore === null ? [] : [button("Older invoices", readMore, { quiet: true })]),
  ];
}
