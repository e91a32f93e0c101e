import { describe, expect, test } from "vitest";
import { readSubscription } from "../../../shared/billing/subscription-row.ts";
import { item, price, subscription } from "./stripe-objects.ts";

const seconds = (iso: string) => Date.parse(iso) / 1000;
const end = seconds("2027-04-10T00:00Z");

test("a subscription is read from its item: price, period, and what a month costs", () => {
  expect(readSubscription(subscription())).toEqual({
    id: "sub_1",
    status: "active",
    price_id: "price_pro",
    interval: "month",
    currency: "usd",
    monthly_amount: 2000,
    started_at: "2027-03-10T00:00:00.000Z",
    period_start: "2027-03-10T00:00:00.000Z",
    period_end: "2027-04-10T00:00:00.000Z",
    ends_at: null,
    ended_at: null,
    next_price_id: null,
    next_price_at: null,
    payment_due: false,
  });
});

describe("it is scheduled to end", () => {
  const phases = [{ start_date: 0, end_date: end + 60, items: [{ price: "price_pro" }] }];
  const schedule = { end_behavior: "cancel", current_phase: { start_date: 0 }, phases };
  test.each([
    [
      "in the flexible billing mode, which says so in cancel_at alone",
      { cancel_at: end },
      "2027-04-10T00:00:00.000Z",
    ],
    ["in the classic one", { cancel_at: end, cancel_at_period_end: true }, "2027-04-10T00:00:00.000Z"],
    ["by the flag alone", { cancel_at_period_end: true }, "2027-04-10T00:00:00.000Z"],
    ["by its schedule", { schedule }, "2027-04-10T00:01:00.000Z"],
    ["not by a schedule that releases it", { schedule: { ...schedule, end_behavior: "release" } }, null],
    ["not by one that is not given whole", { schedule: "sub_sched_1" }, null],
  ])("%s", (_, given, endsAt) => {
    expect(readSubscription(subscription(given)).ends_at).toBe(endsAt);
  });
});

describe("its schedule changes the price", () => {
  const phase = (start: number, id: unknown) => ({ start_date: start, items: [{ price: id }] });
  const schedule = (...phases: unknown[]) => ({
    end_behavior: "release",
    current_phase: { start_date: end - 100 },
    phases,
  });
  test.each([
    [
      "after the running phase",
      [phase(end - 100, "price_pro"), phase(end, "price_premium")],
      "price_premium",
    ],
    [
      "with the price given whole",
      [phase(end - 100, "price_pro"), phase(end, price({ id: "price_premium" }))],
      "price_premium",
    ],
    ["not in a phase that is over", [phase(end - 200, "price_premium"), phase(end - 100, "price_pro")], null],
    ["not to the same price", [phase(end - 100, "price_pro"), phase(end, "price_pro")], null],
    [
      "after another phase of the same",
      [phase(end - 100, "price_pro"), phase(end - 50, "price_pro"), phase(end, "price_premium")],
      "price_premium",
    ],
  ])("%s", (_, phases, next) => {
    const row = readSubscription(subscription({ schedule: schedule(...phases) }));
    expect([row.next_price_id, row.next_price_at]).toEqual(
      next === null ? [null, null] : [next, "2027-04-10T00:00:00.000Z"],
    );
  });
});

test("of several items the one counts whose price names a plan, of several of those the dearest", () => {
  const seats = item({ id: "si_0", price: price({ id: "price_seats", metadata: {}, unit_amount: 9999 }) });
  const premium = item({ id: "si_2", price: price({ id: "price_premium", unit_amount: 800 }) });
  expect(readSubscription(subscription({ items: [seats, premium, item()] })).price_id).toBe("price_pro");
  expect(readSubscription(subscription({ items: [seats] })).price_id).toBe("price_seats");
});

test.each([
  ["month", 1, 2, 4000],
  ["month", 3, 1, 667],
  ["year", 1, 1, 167],
  ["week", 1, 1, 8667],
  ["day", 1, 1, 60833],
])("each %s × %i, %i at once: what a month costs is %i", (interval, count, quantity, monthly) => {
  const recurring = { interval, interval_count: count };
  const given = item({ quantity, price: price({ recurring }) });
  expect(readSubscription(subscription({ items: [given] })).monthly_amount).toBe(monthly);
});

test.each([
  ["void", "collection_paused"],
  ["keep_as_draft", "active"],
  ["mark_uncollectible", "active"],
])("while its invoices are paused (%s) it is %s", (behavior, status) => {
  expect(readSubscription(subscription({ pause_collection: { behavior } })).status).toBe(status);
});

test.each([
  ["active", null, false],
  ["active", { expires_at: 1 }, true],
  ["past_due", null, true],
  ["incomplete", null, true],
  ["canceled", null, false],
])("%s with the pending update %j: a payment is due: %s", (status, pending_update, due) => {
  expect(readSubscription(subscription({ status, pending_update })).payment_due).toBe(due);
});
