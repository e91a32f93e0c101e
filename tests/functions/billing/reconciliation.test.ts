import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadKeys } from "../../../local/keys.ts";
import { startStripe } from "../../../local/stripe/stripe.ts";
import type { ReconciliationReport } from "../../../shared/billing/reconciliation.ts";
import { createAdminClient } from "../../support/admin-client.ts";
import { createBillingClient } from "../../support/billing-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { connectShop, type StripeShop } from "../../support/stripe-shop.ts";
import { testDirectory } from "../../support/test-directory.ts";

const sql = connectDatabase();
let stand: Awaited<ReturnType<typeof startStripe>>;
let shop: StripeShop;
let billing: ExtraFunction;
let jobSecret: string;

beforeAll(async () => {
  // Nobody listens there: no event is delivered.
  stand = await startStripe({ port: 0, webhook: { url: "http://127.0.0.1:9/", secret: "whsec_nobody" } });
  shop = connectShop(stand.url);
  await shop.control("POST", "/delivery", { mode: "drop" });
  ({ jobSecret } = await loadKeys(testDirectory));
  billing = await startExtraFunction(
    { STRIPE_SECRET_KEY: "sk_test_reconcile", STRIPE_API_URL: stand.url, JOB_SECRET: jobSecret },
    "billing",
  );
});
afterAll(() => Promise.all([billing.stop(), stand.stop()]));

async function reconcile() {
  const { status, body } = await createBillingClient(billing.url).send<ReconciliationReport>(
    "POST",
    "/reconcile",
    {
      token: jobSecret,
    },
  );
  return { status, body };
}

/** Somebody new who is a customer, and was compared so many hours ago. */
async function makeCustomer(hoursAgo: number) {
  const { id: customer } = await shop.stripe.customers.create({});
  const [{ id: userId }] = await sql<[{ id: string }]>`
    insert into auth.users (email, encrypted_password) values (${`${customer}@example.com`}, '') returning id`;
  await sql`select public.put_stripe_customer(${userId}, ${customer})`;
  await sql`update private.stripe_customers set reconciled_at = now() - make_interval(hours => ${hoursAgo}) where id = ${customer}`;
  return { userId, customer };
}

const planOf = async (userId: string) =>
  (await sql`select plan_id from private.current_accounts where user_id = ${userId}`)[0]?.plan_id as string;

test("what was lost on the way is found and mended: subscriptions, payments and events, each once", async () => {
  const subscriber = await makeCustomer(21);
  await shop.stripe.subscriptions.create({
    customer: subscriber.customer,
    items: [{ price: "price_pro_month" }],
  });
  const steady = await makeCustomer(21);
  const gone = await makeCustomer(21);
  await shop.stripe.subscriptions.create({ customer: gone.customer, items: [{ price: "price_pro_month" }] });
  await sql`update private.stripe_customers set id = ${`cus_gone_${randomUUID()}`} where id = ${gone.customer}`;
  // Compared not long ago: their turn comes tomorrow, but for the events.
  const buyer = await makeCustomer(1);
  const session = await shop.stripe.checkout.sessions.create({
    ...{ customer: buyer.customer, mode: "payment", invoice_creation: { enabled: true } },
    line_items: [{ price: "price_credits_5", quantity: 2 }],
    ...{ success_url: "https://app.example/", cancel_url: "https://app.example/" },
  });
  await shop.pay(session.url ?? "");

  const first = await reconcile();
  expect(first.status).toBe(200);
  // Whom Stripe does not know is not taken for deleted: with another key that would be everybody.
  expect(first.body).toMatchObject({ isComplete: true, customers: 2, failed: 1 });
  expect(first.body.events).toBeGreaterThan(3);
  expect(await planOf(subscriber.userId)).toBe("pro");
  expect(await sql`select amount_nano from private.credit_grants where user_id = ${buyer.userId}`).toEqual([
    { amount_nano: 10_000_000_000 },
  ]);
  expect(await sql`select kind from private.alerts where data ->> 'run_id' = ${first.body.runId}`).toEqual([
    { kind: "billing_drift" },
  ]);
  expect(await planOf(steady.userId)).toBe("free");

  // What differs without any event is found by comparing.
  await sql`update private.stripe_customers set reconciled_at = now() - interval '1 day' where user_id = any (${[subscriber.userId, steady.userId, buyer.userId]})`;
  await sql`update private.accounts set plan_id = 'free' where user_id = ${subscriber.userId}`;
  const second = await reconcile();
  expect(second.body).toMatchObject({ isComplete: true, customers: 3, drifted: 1, events: 0, failed: 0 });
  expect(await planOf(subscriber.userId)).toBe("pro");

  const third = await reconcile();
  expect(third.body).toMatchObject({ isComplete: true, customers: 0, drifted: 0, events: 0, failed: 0 });
  expect(await sql`select from private.alerts where data ->> 'run_id' = ${third.body.runId}`).toEqual([]);
  type Page = { reconciliations: { id: string; drifted: number }[]; nextCursor: string | null };
  const { body } = await createAdminClient()<Page>("GET", "/reconciliations?limit=2");
  expect(body.reconciliations.map(({ id, drifted }) => [id, drifted])).toEqual([
    [third.body.runId, 0],
    [second.body.runId, 1],
  ]);
  expect(body.nextCursor).not.toBeNull();
});

test("a payment that no event told of is found within 30 days", async () => {
  const buyer = await makeCustomer(1);
  const session = await shop.stripe.checkout.sessions.create({
    ...{ customer: buyer.customer, mode: "payment" },
    line_items: [{ price: "price_credits_5", quantity: 1 }],
    ...{ success_url: "https://app.example/", cancel_url: "https://app.example/" },
  });
  await shop.pay(session.url ?? "");
  for (const { id } of (await shop.stripe.events.list({ limit: 20 })).data)
    await sql`insert into private.stripe_events (endpoint, id, type, created_at, done_at) values ('snapshot', ${id}, 'test', now(), now()) on conflict do nothing`;
  await sql`update private.stripe_customers set reconciled_at = now() - interval '1 day' where id = ${buyer.customer}`;
  expect((await reconcile()).body).toMatchObject({ customers: 1, drifted: 1, events: 0 });
  expect(await sql`select amount_nano from private.credit_grants where user_id = ${buyer.userId}`).toEqual([
    { amount_nano: 5_000_000_000 },
  ]);
});

test("one that cannot be compared does not hold the others up, and has its turn tomorrow", async () => {
  const [one, other] = [await makeCustomer(30), await makeCustomer(29)];
  await sql`alter table private.subscriptions add constraint test_refusal check (customer_id <> ${sql.unsafe(`'${one.customer}'`)}) not valid`;
  try {
    for (const { customer } of [one, other])
      await shop.stripe.subscriptions.create({ customer, items: [{ price: "price_premium_month" }] });
    const { body } = await reconcile();
    expect(body).toMatchObject({ isComplete: true, customers: 1 });
    expect(body.failed).toBeGreaterThan(0);
    expect(await planOf(other.userId)).toBe("premium");
    expect(
      billing.lines.some((line) => line.includes("reconciliation_failed") && line.includes(one.customer)),
    ).toBe(true);
  } finally {
    await sql`alter table private.subscriptions drop constraint test_refusal`;
  }
});

test("prices are taken over: new ones are sold, those that Stripe sells no more are not", async () => {
  const planId = `test-${randomUUID().slice(0, 18)}`;
  await sql`insert into private.plans (id, name, rank) select ${planId}, 'Test', max(rank) + 1 from private.plans`;
  const made = (amount: number, interval: "month" | "year", plan = planId) =>
    shop.stripe.prices.create({
      product: "prod_pro",
      currency: "usd",
      unit_amount: amount,
      recurring: { interval },
      metadata: { plan },
    });
  const old = await made(100, "month");
  await made(1000, "year");
  await made(1, "month", "no-such-plan");
  await reconcile();
  const offered = () =>
    sql`select "interval", amount from private.offered_prices where plan_id = ${planId} order by 1`;
  expect(await offered()).toEqual([
    { interval: "month", amount: 100 },
    { interval: "year", amount: 1000 },
  ]);
  await shop.stripe.prices.update(old.id, { active: false });
  await reconcile();
  expect(await offered()).toEqual([{ interval: "year", amount: 1000 }]);
  // Who pays the old one keeps the plan.
  expect(await sql`select plan_id from private.billing_prices where id = ${old.id}`).toEqual([
    { plan_id: planId },
  ]);
});

test("of two runs at once one is refused", async () => {
  const statuses = (await Promise.all([reconcile(), reconcile(), reconcile()])).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
  expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
});

test("while Stripe is away a run fails, says so, and the next one does it", async () => {
  const waiting = await makeCustomer(30);
  await shop.control("POST", "/faults", { path: "/v1/subscriptions", status: 500 });
  try {
    const { status, body } = await reconcile();
    expect([status, (body as { error?: { code: string } }).error?.code]).toEqual([
      503,
      "billing_unavailable",
    ]);
  } finally {
    await shop.control("DELETE", "/faults");
  }
  expect((await reconcile()).body).toMatchObject({ isComplete: true, customers: 1 });
  expect(
    await sql`select from private.stripe_customers where id = ${waiting.customer} and reconciled_at > now() - interval '1 minute'`,
  ).toHaveLength(1);
});
