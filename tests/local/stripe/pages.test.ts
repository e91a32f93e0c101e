import type Stripe from "stripe";
import { expect, test } from "vitest";
import { openStandIn, type StandIn, subscribe } from "./stand-in.ts";

const success_url = "http://127.0.0.1:9/plans?session={CHECKOUT_SESSION_ID}";

/** Opens a checkout of a customer. */
async function checkOut({ stripe }: StandIn, params: Partial<Stripe.Checkout.SessionCreateParams>) {
  const customer = await stripe.customers.create({ email: "reader@example.com" });
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    customer: customer.id,
    line_items: [{ price: "price_pro_month", quantity: 1 }],
    success_url,
    cancel_url: "http://127.0.0.1:9/plans",
    ...params,
  });
  return { customer, session, url: session.url as string };
}

const post = (url: string, form: Record<string, string>) =>
  fetch(url, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });

test("who pays on the page is sent back, and has the subscription with its metadata", async () => {
  const standIn = await openStandIn();
  const { customer, session, url } = await checkOut(standIn, {
    subscription_data: { metadata: { user: "u1" } },
  });
  const text = await (await fetch(url)).text();
  expect(text).toContain("Pro");
  expect(text).toContain("$20.00 every month");
  expect(text).toContain('<label for="card">');
  const paid = await post(url, { card: "succeeds" });
  expect(paid.status).toBe(303);
  expect(paid.headers.get("location")).toBe(success_url.replace("{CHECKOUT_SESSION_ID}", session.id));
  const complete = await standIn.stripe.checkout.sessions.retrieve(session.id, {
    expand: ["subscription", "invoice", "line_items"],
  });
  expect(complete).toMatchObject({
    status: "complete",
    payment_status: "paid",
    subscription: { status: "active", customer: customer.id, metadata: { user: "u1" } },
    invoice: { status: "paid", amount_paid: 2000 },
    line_items: { data: [{ price: { id: "price_pro_month" } }] },
  });
  expect(await (await fetch(url)).text()).toContain("You have paid already");
});

test("a declined card can be replaced, and one that asks for authentication is charged once it is given", async () => {
  const standIn = await openStandIn();
  const { session, url } = await checkOut(standIn, {});
  const declined = await post(url, { card: "declines" });
  expect(declined.status).toBe(402);
  expect(await declined.text()).toContain("Your card was declined");
  expect(await (await post(url, { card: "requires_action" })).text()).toContain("Confirm the payment");
  expect((await post(url, { card: "requires_action", authenticated: "no" })).status).toBe(402);
  expect((await standIn.stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
  expect((await post(url, { card: "requires_action", authenticated: "yes" })).status).toBe(303);
  expect((await standIn.stripe.checkout.sessions.retrieve(session.id)).status).toBe("complete");
});

test("credits are paid once, with an invoice if it is wanted, and the payment knows what it was for", async () => {
  const standIn = await openStandIn();
  const { session, url } = await checkOut(standIn, {
    mode: "payment",
    line_items: [{ price: "price_credits_20", quantity: 1 }],
    payment_intent_data: { metadata: { user: "u1" } },
    invoice_creation: { enabled: true },
  });
  await post(url, { card: "declines" });
  await post(url, { card: "succeeds" });
  const { payment_intent, invoice } = await standIn.stripe.checkout.sessions.retrieve(session.id, {
    expand: ["payment_intent", "invoice.payments"],
  });
  expect(payment_intent).toMatchObject({ amount_received: 2000, metadata: { user: "u1" } });
  expect((invoice as Stripe.Invoice).payments?.data[0]?.payment.payment_intent).toBe(
    (payment_intent as { id: string }).id,
  );
  expect(await standIn.eventTypes()).toEqual([
    "customer.created",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "charge.succeeded",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "checkout.session.completed",
  ]);
});

test("a checkout that nobody finishes expires after a day, or when it is told to, and says so", async () => {
  const standIn = await openStandIn();
  const first = await checkOut(standIn, {});
  await standIn.pass(1);
  expect((await standIn.stripe.checkout.sessions.retrieve(first.session.id)).status).toBe("expired");
  expect((await post(first.url, { card: "succeeds" })).status).toBe(410);
  const second = await checkOut(standIn, {});
  await standIn.stripe.checkout.sessions.expire(second.session.id);
  await expect(standIn.stripe.checkout.sessions.expire(second.session.id)).rejects.toMatchObject({
    statusCode: 400,
  });
  expect((await standIn.eventTypes()).filter((type) => type === "checkout.session.expired")).toHaveLength(2);
});

test("what a page shows is text, whatever it is made of", async () => {
  const standIn = await openStandIn();
  const product = await standIn.stripe.products.create({ name: `<script>alert("1")</script>` });
  const price = await standIn.stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 100,
  });
  const { url } = await checkOut(standIn, {
    mode: "payment",
    line_items: [{ price: price.id, quantity: 1 }],
  });
  expect(await (await fetch(url)).text()).not.toContain("<script>");
});

test("on the portal a card is saved, and a plan is canceled at the end of its period and kept after all", async () => {
  const standIn = await openStandIn();
  const { customer, subscription, item } = await subscribe(standIn);
  const { url } = await standIn.stripe.billingPortal.sessions.create({
    customer: customer.id,
    return_url: "http://127.0.0.1:9/",
  });
  expect(await (await fetch(url)).text()).toContain("Renews");
  await post(url, { action: "cancel", subscription: subscription.id });
  expect((await standIn.stripe.subscriptions.retrieve(subscription.id)).cancel_at).toBe(
    item.current_period_end,
  );
  expect(await (await fetch(url)).text()).toContain("Don’t cancel plan");
  await post(url, { action: "keep", subscription: subscription.id });
  expect((await standIn.stripe.subscriptions.retrieve(subscription.id)).cancel_at).toBeNull();

  await post(url, { action: "card", card: "declines" });
  await standIn.pass(31);
  const [, link = ""] = /href="(\/invoice\/[^"]+)"/.exec(await (await fetch(url)).text()) ?? [];
  expect((await post(`${standIn.url}${link}`, { card: "succeeds" })).status).toBe(303);
  expect((await standIn.stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
});
