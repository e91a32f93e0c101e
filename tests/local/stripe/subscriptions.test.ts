import { expect, test } from "vitest";
import { daySeconds, listInvoices, openStandIn, subscribe } from "./stand-in.ts";

const day = (year: number, month: number, date: number) => Date.UTC(year, month - 1, date) / 1000;

test("a subscription is billed each month on its day, or on the last day of a month that lacks it", async () => {
  const standIn = await openStandIn({ epochMs: Date.UTC(2026, 0, 31) });
  const { subscription } = await subscribe(standIn);
  const ends: number[] = [];
  for (const end of [day(2026, 2, 28), day(2026, 3, 31), day(2026, 4, 30)]) {
    await standIn.passUntil(end);
    const { items } = await standIn.stripe.subscriptions.retrieve(subscription.id);
    ends.push(
      (items.data[0]?.current_period_start ?? 0) - ((items.data[0]?.current_period_start ?? 0) % daySeconds),
    );
  }
  expect(ends).toEqual([day(2026, 2, 28), day(2026, 3, 31), day(2026, 4, 30)]);
  expect(await listInvoices(standIn, subscription.id)).toEqual([
    ["subscription_create", "paid", 800],
    ["subscription_cycle", "paid", 800],
    ["subscription_cycle", "paid", 800],
    ["subscription_cycle", "paid", 800],
  ]);
});

test("a renewal that fails is tried again after 3, 5 and 7 days, and then the subscription ends", async () => {
  const standIn = await openStandIn();
  const { customer, subscription } = await subscribe(standIn);
  await standIn.control("POST", `/customers/${customer.id}/card`, { behaviour: "declines" });
  const statuses: string[] = [];
  for (const days of [31, 3, 5, 7]) {
    await standIn.pass(days);
    statuses.push((await standIn.stripe.subscriptions.retrieve(subscription.id)).status);
  }
  expect(statuses).toEqual(["past_due", "past_due", "past_due", "canceled"]);
  const failed = await standIn.stripe.events.list({ type: "invoice.payment_failed", limit: 100 });
  expect(failed.data).toHaveLength(4);
  const { cancellation_details } = await standIn.stripe.subscriptions.retrieve(subscription.id);
  expect(cancellation_details?.reason).toBe("payment_failed");
});

test("a card that works again makes a past due subscription active with the next try", async () => {
  const standIn = await openStandIn();
  const { customer, subscription } = await subscribe(standIn);
  await standIn.control("POST", `/customers/${customer.id}/card`, { behaviour: "requires_action" });
  await standIn.pass(31);
  const [renewal] = (await standIn.stripe.invoices.list({ subscription: subscription.id, status: "open" }))
    .data;
  expect(renewal).toMatchObject({ attempt_count: 1, amount_remaining: 800 });
  expect((await standIn.eventTypes()).slice(-3)).toContain("invoice.payment_action_required");
  // What is tried beside the schedule is not counted.
  await expect(standIn.stripe.invoices.pay(renewal?.id as string)).rejects.toMatchObject({ statusCode: 402 });
  const { attempt_count, next_payment_attempt } = await standIn.stripe.invoices.retrieve(
    renewal?.id as string,
  );
  expect([attempt_count, next_payment_attempt]).toEqual([1, renewal?.next_payment_attempt]);
  await standIn.control("POST", `/customers/${customer.id}/card`, { behaviour: "succeeds" });
  await standIn.pass(3);
  expect((await standIn.stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
});

test("a flexible subscription that ends with its period says so by cancel_at alone, a classic one by both", async () => {
  const standIn = await openStandIn();
  const { stripe } = standIn;
  for (const [type, both] of [
    ["flexible", false],
    ["classic", true],
  ] as const) {
    const { subscription, item } = await subscribe(standIn, "price_pro_month", { billing_mode: { type } });
    const end = (cancel_at_period_end: boolean) =>
      stripe.subscriptions.update(subscription.id, { cancel_at_period_end });
    expect(await end(true)).toMatchObject({ cancel_at: item.current_period_end, cancel_at_period_end: both });
    expect(await end(false)).toMatchObject({
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
    });
    await stripe.subscriptions.update(subscription.id, { cancel_at: "min_period_end" });
    await standIn.passUntil(item.current_period_end);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("canceled");
    expect(await listInvoices(standIn, subscription.id)).toHaveLength(1);
    await expect(end(false)).rejects.toThrow("A canceled subscription can only update");
  }
});

test("a trial announces its end three days before, and without a card ends as its settings say", async () => {
  const standIn = await openStandIn();
  const { stripe, control } = standIn;
  const ends: [string, string][] = [];
  for (const missing_payment_method of ["cancel", "pause", "create_invoice"]) {
    const { customer, subscription } = await subscribe(standIn, "price_pro_month", {
      trial_period_days: 14,
      trial_settings: { end_behavior: { missing_payment_method } },
    });
    expect(subscription.status).toBe("trialing");
    await control("POST", `/customers/${customer.id}/card`, { behaviour: "none" });
    await standIn.pass(11);
    expect((await standIn.eventTypes()).at(-1)).toBe("customer.subscription.trial_will_end");
    await standIn.pass(3);
    ends.push([missing_payment_method, (await stripe.subscriptions.retrieve(subscription.id)).status]);
  }
  expect(ends).toEqual([
    ["cancel", "canceled"],
    ["pause", "paused"],
    ["create_invoice", "past_due"],
  ]);
});

test("a paused subscription costs nothing until it is resumed, which begins a new period", async () => {
  const standIn = await openStandIn();
  const { stripe } = standIn;
  const { subscription } = await subscribe(standIn);
  expect((await stripe.subscriptions.pause(subscription.id)).status).toBe("paused");
  await standIn.pass(90);
  expect(await listInvoices(standIn, subscription.id)).toHaveLength(1);
  const resumed = await stripe.subscriptions.resume(subscription.id);
  expect(resumed.status).toBe("active");
  expect(resumed.billing_cycle_anchor).toBe(resumed.items.data[0]?.current_period_start);
  expect(await listInvoices(standIn, subscription.id)).toHaveLength(2);
});
