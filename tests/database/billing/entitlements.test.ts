import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { connectClockDatabase } from "../../support/clock-database.ts";
import { type BillingPlans, createStripeBooks } from "./stripe-books.ts";

const { sql, setClock } = connectClockDatabase();
const books = createStripeBooks(sql);
let plans: BillingPlans;

beforeAll(async () => {
  plans = await books.makePlans();
});

const monthly = {
  started_at: "2027-03-10T00:00Z",
  period_start: "2027-03-10T00:00Z",
  period_end: "2027-04-10T00:00Z",
};

test("a subscription gives its plan until it ends, and what ends by itself ends without an event", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await books.sync(buyer, [{ ...monthly, price_id: plans.pro.price, ends_at: "2027-04-10T00:00Z" }]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "free", at: "2027-04-10T00:00:00Z" });
  await setClock("2027-04-09T23:59:59Z");
  expect(await books.planOf(buyer)).toMatchObject({ plan: "pro" });
  await setClock("2027-04-10T00:00Z");
  expect(await books.planOf(buyer)).toEqual({ plan: "free", next: null, at: null });
  // The event that comes at last changes nothing any more, and the period that was paid for is forgotten.
  await books.sync(buyer, [
    { ...monthly, price_id: plans.pro.price, status: "canceled", ended_at: "2027-04-10T00:00Z" },
  ]);
  expect(await books.planOf(buyer)).toEqual({ plan: "free", next: null, at: null });
  expect(await sql`select paid_from from private.accounts where user_id = ${buyer.userId}`).toEqual([
    { paid_from: null },
  ]);
});

test("past_due keeps the plan for the grace that begins when it is first seen, and is stored once", async () => {
  await setClock("2027-04-10T01:00Z");
  const buyer = await books.signUp();
  const unpaid = { ...monthly, id: `sub_${randomUUID()}`, price_id: plans.pro.price, status: "past_due" };
  await books.sync(buyer, [unpaid]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "free", at: "2027-04-17T01:00:00Z" });
  await setClock("2027-04-14T00:00Z");
  await books.sync(buyer, [unpaid]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "free", at: "2027-04-17T01:00:00Z" });
  await setClock("2027-04-17T01:00Z");
  expect(await books.planOf(buyer)).toMatchObject({ plan: "free" });
  // Who pays at last has the plan again, and a grace of its own the next time.
  await books.sync(buyer, [{ ...unpaid, status: "active" }]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: null, at: null });
  await setClock("2027-05-01T00:00Z");
  await books.sync(buyer, [unpaid]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "free", at: "2027-05-08T00:00:00Z" });
});

test("of several subscriptions the best one counts, then what is left of the others, and one alert says so", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  const premium = { ...monthly, id: `sub_a_${randomUUID()}`, price_id: plans.premium.price };
  const pro = {
    ...monthly,
    id: `sub_b_${randomUUID()}`,
    price_id: plans.pro.price,
    ends_at: "2027-03-20T00:00Z",
  };
  for (let time = 0; time < 3; time++) await books.sync(buyer, [premium, pro]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "premium", at: "2027-03-20T00:00:00Z" });
  expect(await books.alertsOf(buyer)).toEqual([
    {
      kind: "several_subscriptions",
      data: { user_id: buyer.userId, subscription_ids: [premium.id, pro.id] },
    },
  ]);
});

test("of what was read the latest counts, whichever comes last", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  const subscription = { ...monthly, id: `sub_${randomUUID()}` };
  const [early, late] = [await books.draw(), await books.draw()];
  await books.apply(buyer, late, [{ ...subscription, price_id: plans.premium.price }]);
  expect(await books.apply(buyer, early, [{ ...subscription, price_id: plans.pro.price }])).toBe(false);
  expect(await books.planOf(buyer)).toMatchObject({ plan: "premium" });
});

test("a schedule changes the plan at its time, and the plan after that is what follows", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await books.sync(buyer, [
    {
      ...monthly,
      price_id: plans.pro.price,
      next_price_id: plans.premium.price,
      next_price_at: "2027-04-10T00:00Z",
    },
  ]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "premium", at: "2027-04-10T00:00:00Z" });
  await setClock("2027-04-10T00:00Z");
  expect(await books.planOf(buyer)).toEqual({ plan: "premium", next: null, at: null });
});

test("a price that is not known leaves the plan as it is, and is told to the operator once; features say what it is", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  const subscription = { ...monthly, id: `sub_${randomUUID()}` };
  await books.sync(buyer, [{ ...subscription, price_id: plans.pro.price }]);
  const unknown = { ...subscription, price_id: `price_${randomUUID()}` };
  for (let time = 0; time < 2; time++) await books.sync(buyer, [unknown]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: null, at: null });
  expect(await books.alertsOf(buyer)).toEqual([
    {
      kind: "unknown_price",
      data: {
        user_id: buyer.userId,
        subscription_id: subscription.id,
        price_id: unknown.price_id,
        plan: "pro",
      },
    },
  ]);
  await books.sync(buyer, [unknown], { features: ["something", "premium"] });
  expect(await books.planOf(buyer)).toMatchObject({ plan: "premium" });
  // A subscription of its own in the place of the known one keeps the plan, too.
  const other = await books.signUp();
  await books.sync(other, [{ ...subscription, id: "sub_old", price_id: plans.pro.price }]);
  await books.sync(other, [
    { ...subscription, id: "sub_old", price_id: plans.pro.price, status: "canceled" },
    { ...unknown, id: "sub_new" },
  ]);
  expect(await books.planOf(other)).toMatchObject({ plan: "pro" });
});

test("a price that is not known gives nothing of what another subscription or a hand gives", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await sql`select private.change_plan(${buyer.userId}, 'premium')`;
  const pro = { ...monthly, id: `sub_a_${randomUUID()}`, price_id: plans.pro.price };
  const addOn = { ...monthly, id: `sub_b_${randomUUID()}`, price_id: `price_${randomUUID()}` };
  await books.sync(buyer, [pro, addOn]);
  expect(await books.planOf(buyer)).toMatchObject({ plan: "pro" });
  await books.sync(buyer, [{ ...pro, status: "canceled" }, addOn]);
  expect(await books.planOf(buyer)).toMatchObject({ plan: "premium" });
  await sql`select private.change_plan(${buyer.userId}, 'free')`;
  await books.sync(buyer, [{ ...pro, status: "canceled" }, addOn]);
  await setClock("2027-05-10T12:00Z");
  expect(await books.planOf(buyer)).toMatchObject({ plan: "free" });
});

test.each([
  "incomplete",
  "incomplete_expired",
  "unpaid",
  "paused",
  "collection_paused",
  "canceled",
  "something_new",
])("a subscription that is %s gives nothing", async (status) => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await books.sync(buyer, [{ ...monthly, price_id: plans.pro.price, status }]);
  expect(await books.planOf(buyer)).toEqual({ plan: "free", next: null, at: null });
});

test("what was given by hand stays where it is the better one, and is what is left when a subscription ends", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await sql`select private.change_plan(${buyer.userId}, 'premium')`;
  const pro = {
    ...monthly,
    id: `sub_${randomUUID()}`,
    price_id: plans.pro.price,
    ends_at: "2027-04-10T00:00Z",
  };
  await books.sync(buyer, [pro]);
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "premium", at: "2027-04-10T00:00:00Z" });
  await sql`select private.change_plan(${buyer.userId}, 'free')`;
  expect(await books.planOf(buyer)).toEqual({ plan: "pro", next: "free", at: "2027-04-10T00:00:00Z" });
  await sql`select private.change_plan(${buyer.userId}, 'enterprise')`;
  expect(await books.planOf(buyer)).toEqual({ plan: "enterprise", next: null, at: null });
  await books.sync(buyer, [{ ...pro, status: "canceled" }]);
  expect(await books.planOf(buyer)).toEqual({ plan: "enterprise", next: null, at: null });
});

test("who bought nothing and had nothing keeps what was given by hand, whatever Stripe lists", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  await sql`select private.change_plan(${buyer.userId}, 'pro')`;
  await sql`select private.change_plan(${buyer.userId}, 'premium')`;
  const before = await books.planOf(buyer);
  expect(before).toMatchObject({ plan: "pro", next: "premium" });
  await books.sync(buyer, []);
  await books.sync(buyer, [{ ...monthly, price_id: plans.pro.price, status: "incomplete" }]);
  expect(await books.planOf(buyer)).toEqual(before);
});

test("an upgrade keeps what is used, a renewal begins anew once however often it is told, a downgrade waits", async () => {
  await setClock("2027-03-20T12:00Z");
  const buyer = await books.signUp();
  const subscription = { ...monthly, id: `sub_${randomUUID()}` };
  await books.sync(buyer, [{ ...subscription, price_id: plans.premium.price }]);
  expect([await books.spend(buyer, 100), await books.spend(buyer, 1)]).toEqual([true, false]);
  await books.sync(buyer, [{ ...subscription, price_id: plans.pro.price }]);
  expect([await books.spend(buyer, 901), await books.spend(buyer, 300)]).toEqual([false, true]);
  const scheduled = {
    ...subscription,
    price_id: plans.pro.price,
    next_price_id: plans.premium.price,
    next_price_at: "2027-04-10T00:00Z",
  };
  await books.sync(buyer, [scheduled]);
  expect(await books.spend(buyer, 500)).toBe(true);
  expect(await books.windowOf(buyer)).toEqual({ used: 900, epoch: 1, ends: "2027-04-10T00:00:00Z" });

  await setClock("2027-04-10T00:00Z");
  const renewed = {
    ...subscription,
    price_id: plans.premium.price,
    period_start: "2027-04-10T00:00Z",
    period_end: "2027-05-10T00:00Z",
  };
  // The renewal is told late, and again after something was used.
  expect(await books.spend(buyer, 60)).toBe(true);
  for (let time = 0; time < 3; time++) await books.sync(buyer, [renewed]);
  expect(await books.windowOf(buyer)).toEqual({ used: 60, epoch: 2, ends: "2027-05-10T00:00:00Z" });
  expect([await books.spend(buyer, 41), await books.spend(buyer, 40)]).toEqual([false, true]);
  // Each charge names the plan that it was made under.
  expect(
    await sql`select plan_id, sum(output_tokens)::int as tokens from private.ledger where user_id = ${buyer.userId} group by 1 order by 1`,
  ).toEqual([
    { plan_id: "premium", tokens: 200 },
    { plan_id: "pro", tokens: 800 },
  ]);
});

test("a renewal that Stripe tells a moment before its time resets nothing yet", async () => {
  await setClock("2027-03-20T12:00Z");
  const buyer = await books.signUp();
  const subscription = { ...monthly, id: `sub_${randomUUID()}`, price_id: plans.premium.price };
  await books.sync(buyer, [subscription]);
  expect(await books.spend(buyer, 100)).toBe(true);
  await setClock("2027-04-09T23:59:58Z");
  await books.sync(buyer, [
    { ...subscription, period_start: "2027-04-10T00:00Z", period_end: "2027-05-10T00:00Z" },
  ]);
  expect(await books.spend(buyer, 1)).toBe(false);
  await setClock("2027-04-10T00:00Z");
  expect(await books.spend(buyer, 100)).toBe(true);
  expect(await books.windowOf(buyer)).toMatchObject({ ends: "2027-05-10T00:00:00Z" });
});

test("a customer who was deleted loses the plan, and the next one is another", async () => {
  await setClock("2027-03-10T12:00Z");
  const buyer = await books.signUp();
  const pro = { ...monthly, id: `sub_${randomUUID()}`, price_id: plans.pro.price };
  await books.sync(buyer, [pro]);
  await books.sync(buyer, [], { is_deleted: true });
  expect(await books.planOf(buyer)).toEqual({ plan: "free", next: null, at: null });
  expect(
    await sql`select status, ended_at is not null as has_ended from private.subscriptions where id = ${pro.id}`,
  ).toEqual([{ status: "canceled", has_ended: true }]);
  const next = { ...buyer, customerId: `cus_${randomUUID()}` };
  expect(await sql`select public.put_stripe_customer(${buyer.userId}, ${next.customerId}) as id`).toEqual([
    { id: next.customerId },
  ]);
  await books.sync(next, [{ ...pro, id: `sub_${randomUUID()}` }]);
  expect(await books.planOf(next)).toMatchObject({ plan: "pro" });
});
