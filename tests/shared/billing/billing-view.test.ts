import { expect, test } from "vitest";
import { compare, type OfferedPlan } from "../../../shared/billing/billing-view.ts";

const plan = (id: string, ...limits: [string, string, number][]): OfferedPlan => ({
  ...{ id, name: id, isDefault: false, byok: "allowed", models: 1, prices: {} },
  limits: limits.map(([unit, window, amount]) => ({ scope: "all", scopeId: null, unit, window, amount })),
});

test("plans are compared limit by limit, and what a plan does not limit is unlimited", () => {
  const all = { scope: "all", scopeId: null };
  expect(
    compare([
      plan("free", ["requests", "day", 10], ["tokens", "month", 0]),
      plan("pro", ["requests", "day", 100]),
    ]),
  ).toEqual([
    { ...all, unit: "requests", window: "day", amounts: { free: 10, pro: 100 } },
    { ...all, unit: "tokens", window: "month", amounts: { free: 0, pro: null } },
  ]);
});
