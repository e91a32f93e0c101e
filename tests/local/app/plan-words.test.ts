import { expect, test } from "vitest";
import { formatDay } from "../../../local/app/page/format.js";
import { choiceOf, describeFuture, isScheduled } from "../../../local/app/page/plan-words.js";
import type { Billing, OfferedPlan } from "../../../shared/billing/billing-view.ts";

const [end, graceEnd] = ["2026-07-15T12:00:00Z", "2026-06-22T12:00:00Z"] as const;
const price = { amount: 800, currency: "usd" };
const [free, premium, pro] = [
  { id: "free", name: "Free", isDefault: true, prices: {} },
  { id: "premium", name: "Premium", isDefault: false, prices: { month: price, year: price } },
  { id: "pro", name: "Pro", isDefault: false, prices: { month: price } },
].map((plan): OfferedPlan => ({ ...plan, byok: "allowed", models: 1, limits: [] })) as [
  OfferedPlan,
  OfferedPlan,
  OfferedPlan,
];
const plans = [free, premium, pro];

const withoutSubscription: Billing = {
  plan: { id: "free", name: "Free" },
  nextPlan: null,
  isCustomer: false,
  subscription: null,
};
/** Somebody on Premium by the month. */
function subscribed(
  changes: Partial<NonNullable<Billing["subscription"]>> = {},
  nextPlan: Billing["nextPlan"] = null,
): Billing {
  const subscription = {
    id: "sub_1",
    status: "active",
    plan: "premium",
    interval: "month",
    currency: "usd",
    monthlyAmount: 800,
    periodStart: "2026-06-15T12:00:00Z",
    periodEnd: end,
    endsAt: null,
    graceEndsAt: null,
    paymentDue: false,
    ...changes,
  } as const;
  return { plan: { id: "premium", name: "Premium" }, nextPlan, isCustomer: true, subscription };
}

test.each([
  ["nobody who is not signed in can choose", null, pro, "month", "nothing"],
  ["who has no subscription chooses", withoutSubscription, pro, "month", "choose"],
  ["the default plan is what one has", withoutSubscription, free, "month", "current"],
  ["what is not sold by the year cannot be chosen", withoutSubscription, pro, "year", "nothing"],
  ["the plan by the same interval is what one has", subscribed(), premium, "month", "current"],
  ["the plan by the year is dearer", subscribed(), premium, "year", "upgrade"],
  ["the plan by the month is cheaper", subscribed({ interval: "year" }), premium, "month", "downgrade"],
  ["a plan further on is dearer", subscribed(), pro, "month", "upgrade"],
  ["a plan before is cheaper", subscribed({ plan: "pro" }), premium, "year", "downgrade"],
  [
    "a subscription whose plan is unknown can be upgraded",
    subscribed({ plan: null }),
    premium,
    "month",
    "upgrade",
  ],
  ["nobody pays for the default plan", subscribed(), free, "month", "nothing"],
  ["one that never began is begun anew", subscribed({ status: "incomplete" }), pro, "month", "choose"],
] as const)("%s", (_rule, billing, plan, interval, choice) => {
  expect(choiceOf({ plan, interval, plans, billing })).toBe(choice);
});

test.each([
  ["what renews", subscribed(), false, [`Renews on ${formatDay(end)}.`]],
  [
    "what is cancelled",
    subscribed({ endsAt: end }, { id: "free", at: end }),
    true,
    [`Premium until ${formatDay(end)}, then Free.`],
  ],
  ["what ends in the same plan", subscribed({ endsAt: end }), true, [`Ends on ${formatDay(end)}.`]],
  ["a trial", subscribed({ status: "trialing" }), false, [`The trial ends on ${formatDay(end)}.`]],
  [
    "a renewal that failed",
    subscribed({ status: "past_due", graceEndsAt: graceEnd, paymentDue: true }),
    false,
    [`The last payment failed: pay by ${formatDay(graceEnd)} to keep Premium.`],
  ],
  [
    "an upgrade that is not paid",
    subscribed({ paymentDue: true }),
    false,
    [`Renews on ${formatDay(end)}.`, "An invoice waits to be paid."],
  ],
  ["nothing", withoutSubscription, false, []],
])("people are told what follows: %s", (_what, billing, scheduled, sentences) => {
  expect(describeFuture(billing, plans)).toEqual(sentences);
  expect(isScheduled(billing)).toBe(scheduled);
});
