// @ts-check
import { formatDay } from "./format.js";

/** @import { Billing, OfferedPlan } from "../../../shared/billing/billing-view.ts" */
/** @typedef {"month" | "year"} Interval */

// Of these there can be no second subscription: they are changed, not begun.
const live = ["active", "trialing", "past_due", "unpaid", "paused"];

const statusWords = new Map([
  ["active", "Active"],
  ["trialing", "In trial"],
  ["past_due", "Payment overdue"],
  ["unpaid", "Not paid"],
  ["paused", "Paused"],
  ["incomplete", "Waiting for payment"],
]);

/**
 * The subscription that somebody has to change, if they have one.
 * @param {Billing | null} billing null for who is not signed in
 */
export function findSubscription(billing) {
  const subscription = billing?.subscription ?? null;
  return subscription !== null && live.includes(subscription.status) ? subscription : null;
}

/**
 * Whether something is going to happen that can be undone.
 * @param {Billing} billing
 */
export function isScheduled(billing) {
  const subscription = findSubscription(billing);
  return subscription !== null && (subscription.endsAt !== null || billing.nextPlan !== null);
}

/**
 * What somebody can do with a plan that is on offer. Plans are in the order of their worth, as the API lists them; of two that are the
 * same, the yearly one is the dearer.
 * @param {{ plan: OfferedPlan, interval: Interval, plans: OfferedPlan[], billing: Billing | null }} offer
 * @returns {"current" | "choose" | "upgrade" | "downgrade" | "nothing"}
 */
export function choiceOf({ plan, interval, plans, billing }) {
  if (billing === null) return "nothing";
  const subscription = findSubscription(billing);
  if (subscription === null) {
    if (billing.plan.id === plan.id) return "current";
    return plan.prices[interval] ? "choose" : "nothing";
  }
  if (subscription.plan === plan.id && subscription.interval === interval) return "current";
  if (!plan.prices[interval]) return "nothing";
  const [mine, theirs] = [subscription.plan, plan.id].map((id) => plans.findIndex((each) => each.id === id));
  if (mine !== theirs) return (theirs ?? 0) > (mine ?? 0) ? "upgrade" : "downgrade";
  return interval === "year" ? "upgrade" : "downgrade";
}

/**
 * Says how the subscription stands; null where there is none.
 * @param {Billing} billing
 */
export function describeStatus({ subscription }) {
  return subscription && (statusWords.get(subscription.status) ?? subscription.status);
}

/**
 * Says what follows, a sentence each.
 * @param {Billing} billing
 * @param {OfferedPlan[]} plans
 */
export function describeFuture({ plan, nextPlan, subscription }, plans) {
  const sentences = [];
  const nextName = plans.find(({ id }) => id === nextPlan?.id)?.name ?? nextPlan?.id;
  if (nextPlan) sentences.push(`${plan.name} until ${formatDay(nextPlan.at)}, then ${nextName}.`);
  else if (subscription?.endsAt) sentences.push(`Ends on ${formatDay(subscription.endsAt)}.`);
  else if (subscription?.status === "active" && subscription.periodEnd)
    sentences.push(`Renews on ${formatDay(subscription.periodEnd)}.`);
  else if (subscription?.status === "trialing" && subscription.periodEnd)
    sentences.push(`The trial ends on ${formatDay(subscription.periodEnd)}.`);
  if (subscription?.graceEndsAt)
    sentences.push(
      `The last payment failed: pay by ${formatDay(subscription.graceEndsAt)} to keep ${plan.name}.`,
    );
  else if (subscription?.paymentDue) sentences.push("An invoice waits to be paid.");
  return sentences;
}
