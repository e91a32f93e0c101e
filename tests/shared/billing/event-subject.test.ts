import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { handledEventTypes, readSubject } from "../../../shared/billing/event-subject.ts";

const of = (customerId: string | null, payment: object | null = null, isDeleted = false) => ({
  customerId,
  payment,
  isDeleted,
});

describe("an event is about", () => {
  test.each([
    ["customer.subscription.updated", { id: "sub_1", customer: "cus_1" }, of("cus_1")],
    ["customer.subscription.deleted", { id: "sub_1", customer: { id: "cus_1" } }, of("cus_1")],
    ["entitlements.active_entitlement_summary.updated", { customer: "cus_1" }, of("cus_1")],
    [
      "checkout.session.completed",
      { id: "cs_1", customer: "cus_1", payment_intent: "pi_1" },
      of("cus_1", { paymentIntentId: "pi_1" }),
    ],
    ["checkout.session.completed", { id: "cs_1", customer: "cus_1", payment_intent: null }, of("cus_1")],
    ["invoice.paid", { id: "in_1", customer: "cus_1" }, of("cus_1", { invoiceId: "in_1" })],
    ["invoice.payment_failed", { id: "in_1", customer: "cus_1" }, of("cus_1")],
    [
      "charge.refunded",
      { id: "ch_1", customer: "cus_1", payment_intent: "pi_1" },
      of("cus_1", { paymentIntentId: "pi_1" }),
    ],
    ["charge.dispute.created", { id: "dp_1", payment_intent: "pi_1" }, of(null, { paymentIntentId: "pi_1" })],
    ["customer.deleted", { id: "cus_1", deleted: true }, of("cus_1", null, true)],
  ])("%s", (type, object, subject) => {
    expect(readSubject(type, object)).toEqual(subject);
  });
});

test.each([
  ["customer.updated", { id: "cus_1" }],
  ["toString", { id: "cus_1" }],
  ["checkout.session.completed", { id: "cs_1", customer: null, payment_intent: null }],
])("%s with %j is about nobody", (type, object) => {
  expect(readSubject(type, object)).toBeNull();
});

test.each(["sub_1", null, { customer: 5 }])(
  "what cannot be read of an event that leads to something is a fault: %j",
  (object) => {
    expect(() => readSubject("customer.subscription.updated", object)).toThrow();
  },
);

test("the manual names the events that lead to something, for the operator's endpoint, and no others", () => {
  const manual = readFileSync("docs/billing.md", "utf8");
  const [, list = ""] = /```\n(customer\.[\s\S]*?)```/.exec(manual) ?? [];
  expect(list.split(/\s+/).filter(Boolean).toSorted()).toEqual(handledEventTypes.toSorted());
});

test("all events of the design lead to something", () => {
  const wanted = [
    ...["created", "updated", "deleted", "paused", "resumed", "trial_will_end"].map(
      (what) => `customer.subscription.${what}`,
    ),
    ...["checkout.session.completed", "checkout.session.expired", "invoice.paid", "invoice.payment_failed"],
    ...[
      "invoice.payment_action_required",
      "charge.refunded",
      "charge.dispute.created",
      "charge.dispute.closed",
    ],
    ...["customer.deleted", "entitlements.active_entitlement_summary.updated"],
  ];
  expect(wanted.filter((type) => !handledEventTypes.includes(type))).toEqual([]);
});
