import { beforeAll, describe, expect, test } from "vitest";
import type { SubscriptionRow } from "../../../shared/billing/subscription-row.ts";
import { connectClockDatabase } from "../../support/clock-database.ts";
import { type BillingPlans, type Customer, createStripeBooks } from "./stripe-books.ts";

const { sql, setClock } = connectClockDatabase();
const books = createStripeBooks(sql);
let plans: BillingPlans;
let [steady, leaver, comer, foreigner]: Customer[] = [];

const april = ["2027-04-01T00:00Z", "2027-05-01T00:00Z"] as const;
const lasting = { period_start: "2027-04-15T00:00Z", period_end: "2027-05-15T00:00Z" };

/** Two in March, of whom one leaves in April; one who comes in April, and one who pays in euros. All of it in a database of its own. */
beforeAll(async () => {
  plans = await books.makePlans();
  await setClock("2027-05-02T00:00Z");
  const people = await Promise.all(Array.from({ length: 4 }, books.signUp));
  [steady, leaver, comer, foreigner] = people;
  const subscribe = async (customer: Customer | undefined, row: Partial<SubscriptionRow>) =>
    books.sync(customer as Customer, [{ ...lasting, ...row }]);
  await subscribe(steady, { price_id: plans.pro.price, started_at: "2027-03-15T00:00Z" });
  await subscribe(leaver, {
    price_id: plans.premium.price,
    monthly_amount: 800,
    started_at: "2027-03-20T00:00Z",
    status: "canceled",
    ended_at: "2027-04-20T00:00Z",
  });
  await subscribe(comer, {
    price_id: plans.pro.price,
    monthly_amount: 1667,
    interval: "year",
    started_at: "2027-04-15T00:00Z",
  });
  await subscribe(foreigner, {
    price_id: plans.premium.price,
    monthly_amount: 700,
    currency: "eur",
    started_at: "2027-04-16T00:00Z",
  });
  await books.pay(steady, { amount: 2000, paid_at: "2027-04-15T00:00Z" });
  await books.pay(leaver, { amount: 800, refunded: 300, paid_at: "2027-04-02T00:00Z" });
  await books.pay(comer, { amount: 20000, disputed: 20000, paid_at: "2027-04-15T00:00Z" });
  await books.pay(foreigner, { amount: 700, currency: "eur", paid_at: "2027-04-16T00:00Z" });
  await books.pay(steady, { amount: 2000, paid_at: "2027-05-01T00:00Z" });
  await setClock("2027-04-20T00:00Z");
  await books.spend(steady as Customer, 10, 12_000_000_000);
  await books.spend(foreigner as Customer, 10, 3_000_000_000);
  await setClock("2027-05-02T00:00Z");
});

const readRevenue = async (from = april[0] as string, to = april[1] as string) =>
  (await sql`select public.get_revenue(${from}, ${to}) as revenue`)[0]?.revenue;

test("what recurs each month is what the subscriptions that go on cost, by currency and plan", async () => {
  const { recurring, plans: byPlan } = await readRevenue();
  expect(recurring).toEqual([
    { currency: "eur", monthly_amount: 700, subscribers: 1 },
    { currency: "usd", monthly_amount: 3667, subscribers: 2 },
  ]);
  expect(byPlan.find(({ plan }: { plan: string }) => plan === "pro").recurring).toEqual([
    { currency: "usd", monthly_amount: 3667, subscribers: 2 },
  ]);
});

test("churn is the share of those at the beginning who are gone at the end", async () => {
  expect((await readRevenue()).churn).toEqual({ at_start: 2, lost: 1, rate: 0.5 });
  expect((await readRevenue("2027-01-01T00:00Z", "2027-02-01T00:00Z")).churn).toEqual({
    at_start: 0,
    lost: 0,
    rate: null,
  });
});

test("what came in is less what was refunded and disputed, and stands beside what providers cost, by plan", async () => {
  const { plans: byPlan } = await readRevenue();
  const of = (plan: string) => byPlan.find((row: { plan: string }) => row.plan === plan);
  expect(of("pro")).toMatchObject({
    revenue: [{ currency: "usd", amount: 2000, payments: 2 }],
    cost_nano: 12_000_000_000,
  });
  expect(of("premium")).toMatchObject({
    revenue: [
      { currency: "eur", amount: 700, payments: 1 },
      { currency: "usd", amount: 500, payments: 1 },
    ],
    cost_nano: 3_000_000_000,
  });
  expect(of("free")).toMatchObject({ recurring: [], revenue: [], cost_nano: 0 });
});

describe("margins", () => {
  const list = async (limit: number, after: [number, string] | null = null) => {
    const rows =
      await sql`select public.list_margins(${april[0]}, ${april[1]}, ${limit}, ${after?.[0] ?? null}, ${after?.[1] ?? null}) as margin`;
    return rows.map(({ margin }) => margin);
  };

  test("are told of each caller, those first who cost most more than they paid", async () => {
    const margins = await list(10);
    expect(margins.map(({ user_id, margin_nano }) => [user_id, margin_nano])).toEqual([
      [foreigner?.userId, -3_000_000_000],
      [comer?.userId, 0],
      [leaver?.userId, 5_000_000_000],
      [steady?.userId, 8_000_000_000],
    ]);
    expect(margins[0]).toMatchObject({
      plan: "premium",
      revenue_nano: 0,
      cost_nano: 3_000_000_000,
      other_currencies: ["eur"],
    });
    expect(margins[3]).toMatchObject({ plan: "pro", revenue_nano: 20_000_000_000, other_currencies: [] });
  });

  test("come page by page", async () => {
    const all = await list(10);
    const first = await list(2);
    const last = first[1];
    expect([...first, ...(await list(10, [last.margin_nano, last.user_id]))]).toEqual(all);
  });
});
