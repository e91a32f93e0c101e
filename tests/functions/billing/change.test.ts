import { describe, expect, test } from "vitest";
import type { Billing } from "../../../shared/billing/billing-view.ts";
import type { ChangePreview } from "../../../shared/billing/plan-preview.ts";
import { createBillingClient } from "../../support/billing-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";

const sql = connectDatabase();
const billing = createBillingClient();
const { shop } = billing;
type Changed = Billing & { paymentUrl: string | null };

const monthly = (plan: string) => ({ plan, interval: "month" });

test("a dearer plan is shown before it is bought, and what was shown is what is charged; it counts at once", async () => {
  const person = await billing.signUpSubscriber("premium");
  const asked = await billing.post<{ preview: ChangePreview }>(person, "/change", {
    ...monthly("pro"),
    preview: true,
  });
  const { preview } = asked.body;
  expect(preview).toMatchObject({ isUpgrade: true, effectiveAt: null, currency: "usd" });
  expect(preview.amountDue).toBeGreaterThan(0);
  expect(preview.lines.reduce((sum, { amount }) => sum + amount, 0)).toBe(preview.amountDue);
  expect((await billing.get(person, "/current")).body.plan.id).toBe("premium");
  const { prorationDate } = preview;
  expect(prorationDate).not.toBeNull();
  const changed = await billing.post<Changed>(person, "/change", { ...monthly("pro"), prorationDate });
  expect(changed.body).toMatchObject({ paymentUrl: null, plan: { id: "pro" }, nextPlan: null });
  const [invoice] = (await shop.stripe.invoices.list({ customer: person.customer, limit: 1 })).data;
  expect(invoice?.amount_paid).toBe(preview.amountDue);
});

test("a date that no preview gave is refused: at the end of the period a dearer plan would cost next to nothing", async () => {
  const person = await billing.signUpSubscriber("premium");
  const { items } = await shop.stripe.subscriptions.retrieve(person.subscription);
  const end = items.data[0]?.current_period_end ?? 0;
  const start = items.data[0]?.current_period_start ?? 0;
  for (const preview of [true, false])
    for (const prorationDate of [end - 1, start + 3600, start - 3600]) {
      const { status, body } = await billing.post(person, "/change", {
        ...monthly("pro"),
        preview,
        prorationDate,
      });
      expect([status, body.error?.code, body.error?.param]).toEqual([
        400,
        "invalid_request",
        "prorationDate",
      ]);
    }
  expect((await billing.get(person, "/current")).body.plan.id).toBe("premium");
});

test("a schedule or a term of the operator's is nothing that a customer changes", async () => {
  const person = await billing.signUpSubscriber("premium");
  const { id: schedule } = await shop.stripe.subscriptionSchedules.create({
    from_subscription: person.subscription,
  });
  const { items } = await shop.stripe.subscriptions.retrieve(person.subscription);
  const [item] = items.data;
  await shop.stripe.subscriptionSchedules.update(schedule, {
    end_behavior: "release",
    phases: [
      {
        items: [{ price: "price_premium_month" }],
        start_date: item?.current_period_start ?? 0,
        end_date: item?.current_period_end ?? 0,
      },
      { items: [{ price: "price_pro_month" }], duration: { interval: "month", interval_count: 1 } },
    ],
  });
  for (const [path, body] of [
    ["/resume"],
    ["/cancel"],
    ["/change", monthly("byok")],
    ["/change", monthly("premium")],
    ["/change", monthly("enterprise")],
  ] as const) {
    const answer = await billing.post(person, path, body);
    expect([path, answer.status, answer.body.error?.code]).toEqual([path, 409, "subscription_managed"]);
  }
  expect((await shop.stripe.subscriptionSchedules.retrieve(schedule)).phases).toHaveLength(2);

  const other = await billing.signUpSubscriber("premium");
  const term = (item?.current_period_end ?? 0) + 90 * 24 * 60 * 60;
  await shop.stripe.subscriptions.update(other.subscription, { cancel_at: term });
  expect((await billing.post(other, "/resume")).status).toBe(200);
  await billing.post(other, "/change", monthly("pro"));
  expect((await shop.stripe.subscriptions.retrieve(other.subscription)).cancel_at).toBe(term);
});

test("a downgrade leaves all else of the subscription as it is", async () => {
  const person = await billing.signUpSubscriber("pro");
  const { items } = await shop.stripe.subscriptions.retrieve(person.subscription);
  await shop.stripe.subscriptions.update(person.subscription, {
    items: [{ id: items.data[0]?.id ?? "", quantity: 3 }],
  });
  await billing.post(person, "/change", monthly("premium"));
  const { schedule } = await shop.stripe.subscriptions.retrieve(person.subscription);
  const { phases, metadata } = await shop.stripe.subscriptionSchedules.retrieve(String(schedule));
  expect(phases.map(({ items }) => items.map(({ price, quantity }) => [price, quantity]))).toEqual([
    [["price_pro_month", 3]],
    [["price_premium_month", 3]],
  ]);
  expect(metadata).toEqual({ sluice: "downgrade" });
});

test("the same plan by the year is an upgrade, too", async () => {
  const person = await billing.signUpSubscriber("pro");
  const { body } = await billing.post<Changed>(person, "/change", { plan: "pro", interval: "year" });
  expect(body).toMatchObject({
    plan: { id: "pro" },
    subscription: { interval: "year", monthlyAmount: 1667 },
  });
});

test("a cheaper plan begins when the paid period ends, and choosing the own one undoes that", async () => {
  const person = await billing.signUpSubscriber("pro");
  const before = (await billing.get(person, "/current")).body;
  const asked = await billing.post<{ preview: ChangePreview }>(person, "/change", {
    ...monthly("premium"),
    preview: true,
  });
  expect(asked.body.preview).toMatchObject({
    isUpgrade: false,
    effectiveAt: expect.stringMatching(/Z$/),
    amountDue: 0,
  });
  const changed = await billing.post<Changed>(person, "/change", monthly("premium"));
  const { periodEnd } = before.subscription ?? {};
  expect(changed.body).toMatchObject({ plan: { id: "pro" }, nextPlan: { id: "premium", at: periodEnd } });
  // Another choice takes its place, and the own plan undoes it.
  expect((await billing.post<Changed>(person, "/change", monthly("byok"))).body.nextPlan).toEqual({
    id: "byok",
    at: periodEnd,
  });
  expect((await billing.post<Changed>(person, "/change", monthly("pro"))).body).toMatchObject({
    plan: { id: "pro" },
    nextPlan: null,
  });
  const again = await billing.post(person, "/change", monthly("pro"));
  expect([again.status, again.body.error?.code]).toEqual([409, "plan_unchanged"]);
});

test("who upgrades after a cheaper plan was scheduled, or the end, stays on the dearer one", async () => {
  const person = await billing.signUpSubscriber("pro");
  await billing.post(person, "/change", monthly("premium"));
  expect((await billing.post(person, "/change", monthly("enterprise"))).body).toMatchObject({
    plan: { id: "enterprise" },
    nextPlan: null,
  });
  const other = await billing.signUpSubscriber("premium");
  await billing.post(other, "/cancel");
  expect((await billing.post(other, "/change", monthly("pro"))).body).toMatchObject({
    plan: { id: "pro" },
    nextPlan: null,
  });
});

test("cancelling ends it with the paid period, resuming undoes that, and twice is once", async () => {
  const person = await billing.signUpSubscriber("pro");
  for (let time = 0; time < 2; time++) {
    const { body } = await billing.post(person, "/cancel");
    expect(body).toMatchObject({
      plan: { id: "pro" },
      nextPlan: { id: "free", at: body.subscription?.periodEnd },
    });
    expect(body.subscription?.endsAt).toBe(body.subscription?.periodEnd);
  }
  for (let time = 0; time < 2; time++)
    expect((await billing.post(person, "/resume")).body).toMatchObject({
      plan: { id: "pro" },
      nextPlan: null,
    });
  await billing.post(person, "/change", monthly("premium"));
  expect((await billing.post(person, "/cancel")).body.nextPlan?.id).toBe("free");
});

test("a subscription that is paused gives nothing until it is resumed, and is cancelled at once", async () => {
  const person = await billing.signUpSubscriber("pro");
  await shop.stripe.subscriptions.pause(person.subscription);
  await expect
    .poll(async () => (await billing.get(person, "/current")).body.plan.id, { timeout: 10_000 })
    .toBe("free");
  const change = await billing.post(person, "/change", monthly("enterprise"));
  expect([change.status, change.body.error?.code]).toEqual([402, "payment_failed"]);
  expect((await billing.post(person, "/resume")).body.plan.id).toBe("pro");
  await shop.stripe.subscriptions.pause(person.subscription);
  expect((await billing.post(person, "/cancel")).body).toMatchObject({
    plan: { id: "free" },
    subscription: null,
  });
});

describe("a card that", () => {
  test.each(["declines", "requires_action"])(
    "%s leaves the plan as it is until the invoice is paid",
    async (behaviour) => {
      const person = await billing.signUpSubscriber("premium");
      await shop.control("POST", `/customers/${person.customer}/card`, { behaviour });
      const { status, body } = await billing.post<Changed>(person, "/change", monthly("pro"));
      expect([status, body.plan.id, body.subscription?.paymentDue]).toEqual([200, "premium", true]);
      expect(body.paymentUrl).toContain(shop.url);
      await shop.control("POST", `/customers/${person.customer}/card`, { behaviour: "succeeds" });
      const [invoice] = (await shop.stripe.invoices.list({ customer: person.customer, status: "open" })).data;
      await shop.stripe.invoices.pay(invoice?.id ?? "");
      await expect
        .poll(async () => (await billing.get(person, "/current")).body.plan.id, { timeout: 10_000 })
        .toBe("pro");
    },
  );
});

test("of many who change one subscription at once one does, the others wait, and what is left is what Stripe has", async () => {
  const person = await billing.signUpSubscriber("premium");
  const plans = ["pro", "enterprise", "byok", "pro", "enterprise", "byok"];
  const answers = await Promise.all(plans.map((plan) => billing.post(person, "/change", monthly(plan))));
  const codes = answers.map(({ status, body }) => body.error?.code ?? status);
  expect(codes.filter((code) => code === 200).length).toBeGreaterThan(0);
  expect(codes.filter((code) => ![200, "billing_busy", "plan_unchanged"].includes(code))).toEqual([]);
  const { items } = await shop.stripe.subscriptions.retrieve(person.subscription);
  expect((await billing.get(person, "/current")).body.plan.id).toBe(items.data[0]?.price.metadata.plan);
  expect(
    (await shop.stripe.subscriptions.list({ customer: person.customer, status: "all" })).data,
  ).toHaveLength(1);
  expect(await sql`select from private.billing_leases where user_id = ${person.userId}`).toEqual([]);
});
