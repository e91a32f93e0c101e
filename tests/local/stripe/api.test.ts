import type Stripe from "stripe";
import { expect, test } from "vitest";
import { openStandIn, subscribe } from "./stand-in.ts";

/** Whether an answer is one that was given before. */
function isReplayed({ lastResponse }: { lastResponse: { headers: unknown } }): boolean {
  return (lastResponse.headers as Headers).get("idempotent-replayed") === "true";
}

test("the catalogue that Sluice sells is there from the first start", async () => {
  const { stripe } = await openStandIn();
  const prices = await stripe.prices.list({ limit: 100, active: true, expand: ["data.product"] });
  expect(prices.data).toHaveLength(11);
  const yearly = prices.data.find(({ id }) => id === "price_pro_year");
  expect(yearly).toMatchObject({
    unit_amount: 20_000,
    metadata: { plan: "pro" },
    recurring: { interval: "year" },
  });
  expect(yearly?.product).toMatchObject({ id: "prod_pro", object: "product" });
  expect(String(yearly?.unit_amount_decimal)).toBe("20000");
  expect(await stripe.prices.retrieve("price_credits_5")).toMatchObject({
    type: "one_time",
    metadata: { credit_usd: "5" },
  });
});

test("without a key of the test mode nothing is answered", async () => {
  const { url } = await openStandIn();
  for (const headers of [{}, { authorization: "Bearer sk_live_1" }]) {
    const response = await fetch(`${url}/v1/prices`, { headers });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  }
});

test("a path, a parameter or an object that is not there is refused in Stripe's words", async () => {
  const { stripe } = await openStandIn();
  await stripe.customers.create();
  const refusals: [call: () => Promise<unknown>, refusal: object][] = [
    [() => stripe.coupons.list(), { statusCode: 404, type: "StripeInvalidRequestError" }],
    [
      () => stripe.customers.create({ phone: "1" }),
      { statusCode: 400, code: "parameter_unknown", param: "phone" },
    ],
    [
      () =>
        stripe.subscriptions.create({ customer: "cus_1", items: [{ price: "price_pro_month", plan: "x" }] }),
      { code: "parameter_unknown", param: "items[0][plan]" },
    ],
    [
      () => stripe.prices.create({ currency: "usd", product: "prod_pro" }),
      { code: "parameter_missing", param: "unit_amount" },
    ],
    [() => stripe.customers.retrieve("cus_none"), { statusCode: 404, code: "resource_missing", param: "id" }],
    [() => stripe.customers.list({ limit: 101 }), { statusCode: 400, param: "limit" }],
    [() => stripe.customers.list({ expand: ["data.sources"] }), { statusCode: 400, param: "expand" }],
  ];
  for (const [call, refusal] of refusals) await expect(call()).rejects.toMatchObject(refusal);
});

test("the same key and parameters get the first answer again, and other parameters are refused", async () => {
  const { stripe } = await openStandIn();
  const create = (email: string) => stripe.customers.create({ email }, { idempotencyKey: "once" });
  const first = await create("a@example.com");
  const second = await create("a@example.com");
  expect(second.id).toBe(first.id);
  expect(isReplayed(second)).toBe(true);
  await expect(create("b@example.com")).rejects.toMatchObject({
    statusCode: 400,
    type: "StripeIdempotencyError",
  });
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("a key is refused while its first request is still at work", async () => {
  const { stripe, control } = await openStandIn();
  await control("POST", "/faults", { path: "/v1/customers", delayMs: 100, times: 1 });
  const create = () => stripe.customers.create({ email: "a@example.com" }, { idempotencyKey: "once" });
  const outcomes = await Promise.allSettled([create(), create()]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: { statusCode: 409 } });
});

test("an answer that was lost on its way is given again to who asks with the same key", async () => {
  const { stripe, control } = await openStandIn();
  await control("POST", "/faults", { path: "/v1/customers", status: 500, after: true, times: 1 });
  const create = () => stripe.customers.create({ email: "a@example.com" }, { idempotencyKey: "once" });
  await expect(create()).rejects.toMatchObject({ statusCode: 500 });
  expect(isReplayed(await create())).toBe(true);
  expect((await stripe.customers.list()).data).toHaveLength(1);
});

test("lists come newest first, and paging meets each object once in both directions", async () => {
  const { stripe } = await openStandIn();
  const made: string[] = [];
  for (let count = 0; count < 12; count++) made.unshift((await stripe.customers.create()).id);
  const ids: string[] = [];
  for await (const { id } of stripe.customers.list({ limit: 4 })) ids.push(id);
  expect(ids).toEqual(made);
  const before = await stripe.customers.list({ limit: 3, ending_before: made[8] as string });
  expect(before.data.map(({ id }) => id)).toEqual(made.slice(5, 8));
  expect(before.has_more).toBe(true);
});

test("what is expanded is the object, at any depth that Stripe allows", async () => {
  const standIn = await openStandIn();
  const { stripe } = standIn;
  const { customer, subscription } = await subscribe(standIn);
  const { data } = await stripe.subscriptions.list({
    customer: customer.id,
    expand: ["data.latest_invoice.payments", "data.schedule"],
  });
  const invoice = data[0]?.latest_invoice as Stripe.Invoice;
  expect(invoice.parent?.subscription_details?.subscription).toBe(subscription.id);
  expect(invoice.lines.data[0]?.pricing?.price_details?.price).toBe("price_premium_month");
  expect(data[0]?.schedule).toBeNull();
  const intent = invoice.payments?.data[0]?.payment.payment_intent as string;
  const paid = await stripe.paymentIntents.retrieve(intent, { expand: ["latest_charge"] });
  expect(paid).toMatchObject({ amount_received: 800, latest_charge: { object: "charge", paid: true } });
  // Only when they are asked for.
  expect((await stripe.invoices.retrieve(invoice.id as string)).payments).toBeUndefined();
});

test("a customer who is deleted loses the subscription at once, and is remembered as deleted", async () => {
  const standIn = await openStandIn();
  const { customer, subscription } = await subscribe(standIn);
  await standIn.stripe.customers.del(customer.id);
  expect(await standIn.stripe.customers.retrieve(customer.id)).toEqual(
    expect.objectContaining({ id: customer.id, object: "customer", deleted: true }),
  );
  expect((await standIn.stripe.subscriptions.retrieve(subscription.id)).status).toBe("canceled");
  expect((await standIn.eventTypes()).slice(-2)).toEqual([
    "customer.subscription.deleted",
    "customer.deleted",
  ]);
});

test("who subscribes to a product has its features, and an event says so", async () => {
  const standIn = await openStandIn();
  const { stripe } = standIn;
  const feature = await stripe.entitlements.features.create({ lookup_key: "premium", name: "Premium" });
  await stripe.products.createFeature("prod_premium", { entitlement_feature: feature.id });
  const { customer, subscription } = await subscribe(standIn);
  const has = async () =>
    (await stripe.entitlements.activeEntitlements.list({ customer: customer.id })).data.map(
      (each) => each.lookup_key,
    );
  expect(await has()).toEqual(["premium"]);
  await stripe.subscriptions.cancel(subscription.id);
  expect(await has()).toEqual([]);
  const told = await stripe.events.list({ type: "entitlements.active_entitlement_summary.updated" });
  expect(told.data).toHaveLength(2);
});

test("a payment is refunded in parts and not beyond, and a dispute takes its money until it is won", async () => {
  const standIn = await openStandIn();
  const { stripe, control } = standIn;
  const { customer } = await subscribe(standIn);
  const [intent] = (await stripe.paymentIntents.list({ customer: customer.id })).data;
  const payment_intent = intent?.id as string;
  await stripe.refunds.create({ payment_intent, amount: 300 });
  await expect(stripe.refunds.create({ payment_intent, amount: 501 })).rejects.toMatchObject({
    param: "amount",
  });
  const dispute = await control<Stripe.Dispute>("POST", "/disputes", { paymentIntent: payment_intent });
  expect((await stripe.disputes.list({ payment_intent })).data[0]).toMatchObject({
    status: "needs_response",
  });
  await control("POST", `/disputes/${dispute.id}/close`, { status: "won" });
  expect((await standIn.eventTypes()).slice(-5)).toEqual([
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
  ]);
});
