import { expect, test } from "vitest";
import { readBillingPrice } from "../../../shared/billing/billing-price.ts";
import { price } from "./stripe-objects.ts";

test("a recurring price with a plan in its metadata is of that plan", () => {
  expect(readBillingPrice(price({ currency: "EUR" }))).toEqual({
    id: "price_pro",
    plan_id: "pro",
    interval: "month",
    credit_nano: null,
    currency: "eur",
    amount: 2000,
    is_active: true,
    created_at: "2027-01-01T00:00:00.000Z",
  });
});

test("one that is paid at another interval gives its plan, and is not offered", () => {
  const quarterly = price({ recurring: { interval: "month", interval_count: 3 } });
  expect(readBillingPrice(quarterly)).toMatchObject({ plan_id: "pro", interval: null });
});

test("one without a fixed amount, such as by tiers, gives its plan, too", () => {
  expect(readBillingPrice(price({ unit_amount: null }))).toMatchObject({ plan_id: "pro", amount: null });
});

test.each([
  ["5", 5_000_000_000],
  ["0.000000001", 1],
  ["12.5", 12_500_000_000],
  ["1000000", 1_000_000_000_000_000],
])("a price that is paid once is of the credits in its metadata: %s USD", (credit_usd, creditNano) => {
  const credits = price({ type: "one_time", recurring: null, metadata: { credit_usd } });
  expect(readBillingPrice(credits)).toMatchObject({ plan_id: null, interval: null, credit_nano: creditNano });
});

test.each([
  ["without metadata", { metadata: {} }],
  ["of no plan's name", { metadata: { plan: "Pro!" } }],
  ["that is paid once, and of a plan", { type: "one_time", recurring: null }],
  ["that recurs, and of credits", { metadata: { credit_usd: "5" } }],
  ...["", "0", "-5", "5 USD", "1e3", "0x10", "5.0000000001", "1000001", "99999999"].map(
    (credit_usd) =>
      [`of ${credit_usd} USD`, { type: "one_time", recurring: null, metadata: { credit_usd } }] as const,
  ),
] as [string, object][])("a price %s is none of ours", (_, given) => {
  expect(readBillingPrice(price(given))).toBeNull();
});
