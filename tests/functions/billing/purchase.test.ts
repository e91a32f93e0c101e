import { describe, expect, inject, test } from "vitest";
import type { PlanOverview } from "../../../shared/billing/billing-view.ts";
import type { CheckoutPage } from "../../../shared/billing/checkout.ts";
import type { Invoice } from "../../../shared/billing/invoices.ts";
import { createBillingClient } from "../../support/billing-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { signUp } from "../../support/people.ts";

const sql = connectDatabase();
const billing = createBillingClient();
const { shop } = billing;
const pro = { plan: "pro", interval: "month" };

test("everybody sees the plans, what they cost by the month and by the year, and side by side", async () => {
  const { status, body } = await billing.send<PlanOverview>("GET", "/plans");
  expect(status).toBe(200);
  const plan = body.plans.find(({ id }) => id === "pro");
  expect(plan).toMatchObject({
    ...{ name: "Pro", isDefault: false, byok: "allowed" },
    prices: { month: { amount: 2000, currency: "usd" }, year: { amount: 20000, currency: "usd" } },
  });
  expect(plan?.models).toBeGreaterThan(0);
  expect(body.plans.find(({ id }) => id === "free")).toMatchObject({ isDefault: true, prices: {} });
  const row = body.comparison.find(
    ({ scope, unit, window }) => scope === "all" && unit === "requests" && window === "day",
  );
  expect(row?.amounts).toMatchObject({ free: 10, premium: 100, pro: 2000, byok: null });
  expect(body.credits).toEqual([
    { creditNano: 5_000_000_000, amount: 500, currency: "usd" },
    { creditNano: 20_000_000_000, amount: 2000, currency: "usd" },
    { creditNano: 50_000_000_000, amount: 5000, currency: "usd" },
  ]);
});

test("who buys a plan has it when the success page asks, and by the events alone", async () => {
  const person = await signUp();
  expect((await billing.get(person, "/current")).body).toEqual({
    ...{ plan: { id: "free", name: "Free" }, nextPlan: null, isCustomer: false, subscription: null },
  });
  const { status, body } = await billing.post<CheckoutPage>(person, "/checkout", pro);
  expect(status).toBe(201);
  expect(Date.parse(body.expiresAt)).toBeGreaterThan(Date.now());
  expect(await shop.pay(body.url)).toBe(303);
  const synced = (await billing.post(person, "/sync")).body;
  expect(synced).toMatchObject({
    ...{ plan: { id: "pro", name: "Pro" }, nextPlan: null, isCustomer: true },
    subscription: {
      status: "active",
      plan: "pro",
      interval: "month",
      monthlyAmount: 2000,
      endsAt: null,
      graceEndsAt: null,
      paymentDue: false,
    },
  });
  expect(synced.subscription?.periodEnd).toMatch(/Z$/);

  const other = await signUp();
  const page = await billing.post<CheckoutPage>(other, "/checkout", pro);
  await shop.pay(page.body.url);
  await expect
    .poll(async () => (await billing.get(other, "/current")).body.plan.id, { timeout: 10_000 })
    .toBe("pro");
});

test("who is a customer at Stripe has the address that the token names, and one customer however often they begin at once", async () => {
  const person = await signUp();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => billing.post<CheckoutPage>(person, "/checkout", pro)),
  );
  const codes = answers.map(({ status, body }) => body.error?.code ?? status);
  expect(codes.filter((code) => code !== "billing_busy").length).toBeGreaterThan(0);
  expect(codes.filter((code) => code !== "billing_busy" && code !== 201)).toEqual([]);
  const made = (await shop.stripe.customers.list({ email: person.email, limit: 100 })).data;
  expect(made.map(({ metadata }) => metadata.user_id)).toEqual([person.userId]);
  const open = await shop.stripe.checkout.sessions.list({ customer: made[0]?.id ?? "", status: "open" });
  expect(open.data).toHaveLength(1);
  expect(await sql`select from private.billing_leases where user_id = ${person.userId}`).toEqual([]);
});

test("a page that was opened before cannot be paid any more, and nobody subscribes twice", async () => {
  const person = await signUp();
  const first = await billing.post<CheckoutPage>(person, "/checkout", pro);
  const second = await billing.post<CheckoutPage>(person, "/checkout", { plan: "premium", interval: "year" });
  expect(await shop.pay(first.body.url)).not.toBe(303);
  expect(await shop.pay(second.body.url)).toBe(303);
  const third = await billing.post(person, "/checkout", pro);
  expect([third.status, third.body.error?.code]).toEqual([409, "subscription_exists"]);
  // Credits are something else.
  expect((await billing.post(person, "/checkout", { creditNano: 5_000_000_000 })).status).toBe(201);
});

test("who was deleted at Stripe can buy again", async () => {
  const person = await billing.signUpSubscriber();
  await shop.stripe.customers.del(person.customer);
  const { status, body } = await billing.post<CheckoutPage>(person, "/checkout", pro);
  expect(status).toBe(201);
  expect(await shop.pay(body.url)).toBe(303);
  await expect
    .poll(async () => (await billing.get(person, "/current")).body.plan.id, { timeout: 10_000 })
    .toBe("pro");
});

test("credits that were bought are there when the success page asks", async () => {
  const person = await signUp();
  const { body } = await billing.post<CheckoutPage>(person, "/checkout", { creditNano: 20_000_000_000 });
  await shop.pay(body.url);
  expect((await billing.post(person, "/sync")).status).toBe(200);
  const granted =
    await sql`select source_kind, amount_nano from private.credit_grants where user_id = ${person.userId}`;
  expect(granted).toEqual([{ source_kind: "stripe_payment", amount_nano: 20_000_000_000 }]);
});

test("Stripe is asked for a caller at most sixty times a minute, whatever they ask for, and for nobody else less", async () => {
  const [person, other] = await Promise.all([billing.signUpSubscriber(), signUp()]);
  const callAgain = async (path: string, calls: number) => {
    await sql`
      update private.billing_calls set minute = date_trunc('minute', now()), calls = ${calls} where user_id = ${person.userId}`;
    return billing.post(person, path, {});
  };
  expect((await callAgain("/sync", 59)).status).toBe(200);
  for (const path of ["/sync", "/portal", "/cancel", "/resume"]) {
    // Anew where the minute was over just then.
    await expect.poll(async () => (await callAgain(path, 60)).body.error?.code).toBe("rate_limited");
  }
  const refused = await callAgain("/sync", 60);
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  expect((await billing.post(other, "/sync")).status).toBe(200);
});

test("the portal and the invoices are the caller's own, page by page", async () => {
  const person = await billing.signUpSubscriber("premium");
  await billing.post(person, "/change", pro);
  const portal = await billing.post<{ url: string }>(person, "/portal", {});
  expect(portal.status).toBe(201);
  expect(await (await fetch(portal.body.url)).text()).toContain("Pro");
  type Page = { invoices: Invoice[]; nextCursor: string | null };
  const first = (await billing.get<Page>(person, "/invoices?limit=1")).body;
  expect(first.invoices).toMatchObject([{ status: "paid", currency: "usd", amountDue: 0 }]);
  const second = (await billing.get<Page>(person, `/invoices?limit=1&cursor=${first.nextCursor}`)).body;
  expect(second).toMatchObject({ invoices: [{ total: 800, amountPaid: 800 }], nextCursor: null });
  expect(first.invoices[0]?.id).not.toBe(second.invoices[0]?.id);
});

describe("refuses with the field and the remedy:", () => {
  test.each([
    ["/checkout", { plan: "pro", interval: "week" }, "400 invalid_request interval"],
    ["/checkout", { plan: "pro" }, "400 invalid_request interval"],
    ["/checkout", {}, "400 invalid_request plan"],
    ["/checkout", { ...pro, creditNano: 1 }, "400 invalid_request plan"],
    ["/checkout", { creditNano: 1.5 }, "400 invalid_request creditNano"],
    ["/checkout", { creditNano: 7 }, "404 plan_not_sold creditNano"],
    ["/checkout", { plan: "free", interval: "month" }, "404 plan_not_sold plan"],
    ["/checkout", { plan: "nothing", interval: "month" }, "404 plan_not_sold plan"],
    ["/checkout", { ...pro, returnUrl: "https://evil.example/" }, "400 invalid_request returnUrl"],
    ["/portal", { returnUrl: 5 }, "400 invalid_request returnUrl"],
    ["/portal", {}, "404 customer_not_found null"],
    ["/change", { ...pro, preview: "yes" }, "400 invalid_request preview"],
    ["/change", { ...pro, preview: true }, "404 subscription_not_found null"],
    ["/change", pro, "404 subscription_not_found null"],
    ["/cancel", undefined, "404 subscription_not_found null"],
    ["/resume", undefined, "404 subscription_not_found null"],
  ])("%s %j: %s", async (path, body, expected) => {
    const { status, body: answer } = await billing.post(await signUp(), path, body);
    expect(`${status} ${answer.error?.code} ${answer.error?.param}`).toBe(expected);
    expect(answer.error?.message).toMatch(/^[\S ]{10,240}\.$/);
  });

  test.each([
    "/invoices?limit=0",
    "/invoices?limit=101",
    "/invoices?cursor=nonsense",
    "/plans?x=1",
    "/current?x=1",
  ])("GET %s", async (path) => {
    const person = path.startsWith("/invoices?cursor") ? await billing.signUpSubscriber() : await signUp();
    const { status, body } = await billing.get(person, path);
    expect([status, body.error?.code]).toEqual([400, "invalid_request"]);
  });
});

test("where nothing is sold, plans and the own one are told, and all else says so", async () => {
  const closed = await startExtraFunction({}, "billing");
  const there = createBillingClient(closed.url);
  try {
    const person = await signUp();
    expect((await there.send("GET", "/plans")).status).toBe(200);
    expect((await there.get(person, "/current")).body.plan.id).toBe("free");
    for (const [path, body] of [
      ["/checkout", pro],
      ["/portal", {}],
      ["/change", pro],
      ["/cancel"],
      ["/resume"],
      ["/sync"],
    ] as const) {
      const answer = await there.post(person, path, body);
      expect([path, answer.status, answer.body.error?.code]).toEqual([path, 503, "not_configured"]);
    }
  } finally {
    await closed.stop();
  }
});

test("while Stripe is away, who asks is told so, nothing is changed and nobody waits for the lease", async () => {
  const { stripeUrl } = inject("stack");
  const away = await startExtraFunction(
    {
      STRIPE_SECRET_KEY: "sk_test_away",
      STRIPE_API_URL: "http://127.0.0.1:9",
      BILLING_RETURN_URLS: "https://app.example/plans",
    },
    "billing",
  );
  try {
    const person = await billing.signUpSubscriber();
    const answer = await createBillingClient(away.url).post(person, "/change", {
      plan: "enterprise",
      interval: "month",
    });
    expect([answer.status, answer.body.error?.code, answer.headers.get("retry-after")]).toEqual([
      503,
      "billing_unavailable",
      "5",
    ]);
    expect(JSON.stringify(answer.body)).not.toMatch(/127\.0|sk_test|ECONN/);
    expect(stripeUrl).not.toBeNull();
    expect((await billing.get(person, "/current")).body.plan.id).toBe("pro");
    expect((await billing.post(person, "/cancel")).body.nextPlan?.id).toBe("free");
  } finally {
    await away.stop();
  }
});
