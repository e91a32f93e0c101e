// @ts-check
import { button, element } from "./elements.js";
import { formatAmount, formatCount, formatNano } from "./format.js";
import { describeFuture, describeStatus, findSubscription, isScheduled } from "./plan-words.js";

/** @import { Billing, OfferedPlan } from "../../../shared/billing/billing-view.ts" */
/** @import { AccountLimit } from "../../../shared/metering/accounts.ts" */

const meters = [
  { unit: "requests", window: "day", words: "requests left today", format: formatCount },
  { unit: "tokens", window: "month", words: "tokens left this month", format: formatCount },
  { unit: "nano_usd", window: "month", words: "left this month", format: formatNano },
];

/**
 * The plan that somebody is on: how it stands, what follows, what is left, and what can be done.
 * @param {{ billing: Billing, limits: AccountLimit[], plans: OfferedPlan[] }} account
 * @param {{ cancel: () => void, keep: () => void, openPortal: () => void }} actions
 */
export function showCurrentPlan({ billing, limits, plans }, actions) {
  const { plan } = billing;
  const status = describeStatus(billing);
  const buttons = listButtons(billing, actions);
  return [
    element(
      "p",
      { class: "plan-name" },
      element("strong", { id: "plan-name" }, plan.name),
      ...(status === null ? [] : [" ", element("span", { class: "badge" }, status)]),
    ),
    element("p", { id: "plan-terms" }, [describePrice(billing), ...describeFuture(billing, plans)].join(" ")),
    element("ul", { class: "meters" }, ...meters.flatMap((meter) => showMeter(meter, limits))),
    ...(buttons.length === 0 ? [] : [element("p", { class: "buttons" }, ...buttons)]),
  ];
}

/**
 * @param {Billing} billing
 * @param {Parameters<typeof showCurrentPlan>[1]} actions
 */
function listButtons(billing, { cancel, keep, openPortal }) {
  const subscription = findSubscription(billing);
  const buttons = [];
  if (isScheduled(billing)) buttons.push(button(`Keep ${billing.plan.name}`, keep));
  else if (subscription?.status === "paused") buttons.push(button("Resume plan", keep));
  if (subscription !== null && subscription.endsAt === null)
    buttons.push(button("Cancel plan", cancel, { quiet: true }));
  if (billing.isCustomer) buttons.push(button("Manage payment", openPortal, { quiet: true }));
  return buttons;
}

/** @param {Billing} billing */
function describePrice(billing) {
  const subscription = findSubscription(billing);
  if (subscription === null) return "You have no subscription.";
  const month = `${formatAmount(subscription.monthlyAmount, subscription.currency)} a month`;
  return subscription.interval === "year" ? `${month}, paid by the year.` : `${month}.`;
}

/**
 * @param {typeof meters[number]} meter
 * @param {AccountLimit[]} limits
 */
function showMeter({ unit, window, words, format }, limits) {
  const limit = limits.find(
    (each) =>
      each.scope === "all" && each.unit === unit && each.window === window && each.source !== "api_key",
  );
  if (limit === undefined || limit.limit === 0) return [];
  const id = `left-${unit}`;
  return [
    element(
      "li",
      {},
      element(
        "label",
        { for: id },
        element("strong", {}, format(limit.left)),
        ` of ${format(limit.limit)} ${words}`,
      ),
      element("progress", { id, value: String(limit.left), max: String(limit.limit) }),
    ),
  ];
}
