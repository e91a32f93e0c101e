// @ts-check
import { button, element } from "./elements.js";
import { formatAmount, formatCount, formatLimit } from "./format.js";
import { choiceOf } from "./plan-words.js";

/** @import { Billing, OfferedPlan } from "../../../shared/billing/billing-view.ts" */
/** @import { Interval } from "./plan-words.js" */

const verbs = { choose: "Choose", upgrade: "Upgrade to", downgrade: "Downgrade to" };

/**
 * A card for each plan, with what somebody can do about it.
 * @param {{ plans: OfferedPlan[], interval: Interval, billing: Billing | null }} offer `billing` is null for who is not signed in
 * @param {{ choose: (plan: OfferedPlan) => void, change: (plan: OfferedPlan) => void }} actions
 */
export function showPlanCards({ plans, interval, billing }, { choose, change }) {
  return plans.map((plan) => {
    const choice = choiceOf({ plan, interval, plans, billing });
    const isCurrent = choice === "current";
    const follows = billing?.nextPlan?.id === plan.id;
    return element(
      "li",
      isCurrent ? { class: "card current" } : { class: "card" },
      element("h3", {}, plan.name),
      element("p", { class: "price" }, ...describePrice(plan, interval)),
      element("ul", {}, ...describeContent(plan).map((words) => element("li", {}, words))),
      ...(isCurrent ? [element("p", { class: "badge" }, "Your plan")] : []),
      ...(follows ? [element("p", { class: "badge" }, "Follows")] : []),
      ...(choice === "current" || choice === "nothing"
        ? []
        : [
            button(`${verbs[choice]} ${plan.name}`, () => (choice === "choose" ? choose : change)(plan), {
              quiet: choice === "downgrade",
            }),
          ]),
    );
  });
}

/**
 * @param {OfferedPlan} plan
 * @param {Interval} interval
 */
function describePrice({ prices, isDefault }, interval) {
  const price = prices[interval];
  if (price)
    return [
      element("strong", {}, formatAmount(price.amount, price.currency, { round: true })),
      ` a ${interval}`,
    ];
  return isDefault ? [element("strong", {}, "Free")] : ["Not for sale"];
}

/** @param {OfferedPlan} plan */
function describeContent({ limits, models, byok }) {
  const contents = [
    ["requests", "day", "requests a day"],
    ["tokens", "month", "tokens a month"],
    ["nano_usd", "month", "of model use a month"],
  ].flatMap(([unit = "", window, words]) => {
    const limit = limits.find((each) => each.scope === "all" && each.unit === unit && each.window === window);
    return limit === undefined || limit.amount === 0 ? [] : [`${formatLimit(limit.amount, unit)} ${words}`];
  });
  contents.push(`${formatCount(models)} models`);
  if (byok === "allowed") contents.push("Your own provider keys, if you like");
  if (byok === "required") contents.push("Your own provider keys, without our limits");
  return contents;
}
