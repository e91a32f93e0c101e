import type { Mutant } from "./mutant.ts";
import { sources, tests } from "./places.ts";

/** Of what is sold through Stripe. */
export const billingMutants: Mutant[] = [
  {
    fault: "what was read earlier takes the place of what was read later",
    file: sources.stripeSync,
    from: "if state ? 'subscriptions' and customer.ticket < ticket then",
    to: "if state ? 'subscriptions' then",
    killedBy: [tests.entitlements, tests.workers],
  },
  {
    fault: "a grace begins anew whenever it is looked at",
    file: sources.entitlements,
    from: "coalesce(kept.past_due_since, now())",
    to: "now()",
    killedBy: [tests.entitlements],
  },
  {
    fault: "a plan that ends by itself waits for an event",
    file: sources.entitlements,
    from: "least(coalesce(s.ends_at, 'infinity'), coalesce(s.past_due_since + p.grace, 'infinity'))",
    to: "'infinity'::timestamptz",
    killedBy: [tests.entitlements],
  },
  {
    fault: "each notice of a payment grants",
    file: sources.payments,
    from: "perform private.grant_credit(customer.user_id, 'stripe_payment', given.id, given.credit_nano);",
    to: "perform private.grant_credit(customer.user_id, 'stripe_payment', gen_random_uuid()::text, given.credit_nano);",
    killedBy: [tests.purchasedCredits],
  },
  {
    fault: "a payment that was seen before Stripe said what it bought buys nothing for good",
    file: sources.payments,
    from: "coalesce(nullif(known.credit_nano, 0), (",
    to: "coalesce(known.credit_nano, (",
    killedBy: [tests.payments],
  },
  {
    fault: "a refund that was read earlier takes the place of one that was read later",
    file: sources.payments,
    from: "if known.ticket >= ticket then",
    to: "if false then",
    killedBy: [tests.payments],
  },
  {
    fault: "a refund of a part takes everything back",
    file: sources.payments,
    from: "ceil(given.credit_nano::numeric * lost / given.amount)::bigint",
    to: "case when lost > 0 then given.credit_nano else 0 end",
    killedBy: [tests.purchasedCredits],
  },
  {
    fault: "a signature of the future is accepted",
    file: sources.stripeWebhook,
    from: "if (Math.abs(ageSeconds) > toleranceSeconds)",
    to: "if (ageSeconds > toleranceSeconds)",
    killedBy: [tests.signatures],
  },
  {
    fault: "whom Stripe does not know is taken for deleted",
    file: sources.stripeClient,
    from: "return (await stripe.customers.retrieve(customerId)).deleted === true;",
    to: 'return customerId !== "" && stripe !== null;',
    killedBy: [tests.reconciliation],
  },
  {
    fault: "a customer chooses the date from which the rest of the period is charged",
    file: sources.planPreview,
    from: "if (prorationDate <= date && prorationDate >= date - longestSeconds) return;",
    to: "if (date > 0) return;",
    killedBy: [tests.changes],
  },
  {
    fault: "a customer undoes what the operator has planned",
    file: sources.planSchedule,
    from: 'if (schedule !== null && !isOurs(schedule)) throw new SluiceError("subscription_managed");',
    to: "if (schedule !== null && isOurs(schedule)) return;",
    killedBy: [tests.changes],
  },
  {
    fault: "somebody subscribes twice",
    file: sources.checkout,
    from: "if (subscriptions.some(({ status }) => liveStatuses.has(status)))",
    to: 'if (subscriptions.some(({ status }) => liveStatuses.has(status) && status === ""))',
    killedBy: [tests.purchases],
  },
];
