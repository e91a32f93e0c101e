import { expect, test } from "vitest";
import { daySeconds, listInvoices, openStandIn, subscribe } from "./stand-in.ts";

test("an upgrade costs the rest of the period, and what an event calls previous is what was", async () => {
  const standIn = await openStandIn({ epochMs: Date.UTC(2026, 3, 1) });
  const { stripe } = standIn;
  const { subscription, item } = await subscribe(standIn);
  await standIn.pass(15);
  const items = [{ id: item.id, price: "price_pro_month" }];
  const proration_date = (item.current_period_start + item.current_period_end) / 2;
  const preview = await stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: { items, proration_behavior: "always_invoice", proration_date },
  });
  expect(preview.lines.data.map(({ amount }) => amount)).toEqual([-400, 1000]);
  await stripe.subscriptions.update(subscription.id, {
    items,
    proration_behavior: "always_invoice",
    proration_date,
  });
  expect(await listInvoices(standIn, subscription.id)).toEqual([
    ["subscription_create", "paid", 800],
    ["subscription_update", "paid", 600],
  ]);
  const events = await stripe.events.list({ type: "customer.subscription.updated" });
  const change = events.data.find(
    ({ data }) => data.previous_attributes && "items" in data.previous_attributes,
  );
  expect(change?.data.previous_attributes).toMatchObject({
    items: { data: [{ price: { id: "price_premium_month" } }] },
  });
  expect(change?.data.object).toMatchObject({ items: { data: [{ price: { id: "price_pro_month" } }] } });
});

test("a monthly plan that becomes a yearly one begins a year now", async () => {
  const standIn = await openStandIn();
  const { subscription, item } = await subscribe(standIn);
  await standIn.pass(10);
  const updated = await standIn.stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: "price_premium_year" }],
  });
  const [yearly] = updated.items.data;
  expect(updated.billing_cycle_anchor).toBe(yearly?.current_period_start);
  expect((yearly?.current_period_end ?? 0) - (yearly?.current_period_start ?? 0)).toBe(365 * daySeconds);
  const [, [, , total] = []] = await listInvoices(standIn, subscription.id);
  // 21 of 31 days of the month are given back.
  expect(total).toBe(8000 - Math.round((800 * 21) / 31));
});

test("an item without its id is one more, as at Stripe", async () => {
  const standIn = await openStandIn();
  const { subscription } = await subscribe(standIn);
  const updated = await standIn.stripe.subscriptions.update(subscription.id, {
    items: [{ price: "price_pro_month" }],
  });
  expect(updated.items.data.map(({ price }) => price.id)).toEqual(["price_premium_month", "price_pro_month"]);
});

test("prorations that are not billed at once wait for the renewal", async () => {
  const standIn = await openStandIn();
  const { subscription, item } = await subscribe(standIn, "price_pro_month");
  await standIn.passUntil(item.current_period_end - (31 * daySeconds) / 2);
  await standIn.stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: "price_premium_month" }],
    proration_behavior: "create_prorations",
  });
  await standIn.pass(16);
  expect(await listInvoices(standIn, subscription.id)).toEqual([
    ["subscription_create", "paid", 2000],
    ["subscription_cycle", "paid", 800 - 1000 + 400],
  ]);
});

test("an update that must be paid first is dropped after 23 hours, and applied when its invoice is paid", async () => {
  const standIn = await openStandIn();
  const { stripe, control } = standIn;
  const { customer, subscription, item } = await subscribe(standIn);
  await control("POST", `/customers/${customer.id}/card`, { behaviour: "declines" });
  const upgrade = () =>
    stripe.subscriptions.update(subscription.id, {
      items: [{ id: item.id, price: "price_pro_month" }],
      proration_behavior: "always_invoice",
      payment_behavior: "pending_if_incomplete",
      expand: ["latest_invoice"],
    });
  const pending = await upgrade();
  expect(pending).toMatchObject({
    status: "active",
    items: { data: [{ price: { id: "price_premium_month" } }] },
  });
  expect(pending.pending_update?.subscription_items?.[0]?.price.id).toBe("price_pro_month");
  await standIn.pass(1);
  expect((await stripe.subscriptions.retrieve(subscription.id)).pending_update).toBeNull();
  expect((await stripe.invoices.retrieve((pending.latest_invoice as { id: string }).id)).status).toBe("void");
  expect(await standIn.eventTypes()).toContain("customer.subscription.pending_update_expired");

  const { hosted_invoice_url: url } = (await upgrade()).latest_invoice as { hosted_invoice_url: string };
  await fetch(url, { method: "POST", body: new URLSearchParams({ card: "succeeds" }) });
  const applied = await stripe.subscriptions.retrieve(subscription.id);
  expect(applied.items.data[0]?.price.id).toBe("price_pro_month");
  expect(applied.pending_update).toBeNull();
  expect(await standIn.eventTypes()).toContain("customer.subscription.pending_update_applied");
});

test("an update that would not be paid changes nothing where an error is asked for", async () => {
  const standIn = await openStandIn();
  const { customer, subscription, item } = await subscribe(standIn);
  await standIn.control("POST", `/customers/${customer.id}/card`, { behaviour: "declines" });
  const update = standIn.stripe.subscriptions.update(subscription.id, {
    items: [{ id: item.id, price: "price_pro_month" }],
    proration_behavior: "always_invoice",
    payment_behavior: "error_if_incomplete",
  });
  await expect(update).rejects.toMatchObject({
    statusCode: 402,
    type: "StripeCardError",
    code: "card_declined",
  });
  expect(await standIn.stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    items: { data: [{ price: { id: "price_premium_month" } }] },
    latest_invoice: subscription.latest_invoice,
  });
});

test("a downgrade by a schedule comes with the next period, which costs its price, and the schedule goes", async () => {
  const standIn = await openStandIn();
  const { stripe } = standIn;
  const { subscription, item } = await subscribe(standIn, "price_pro_month");
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const [first] = schedule.phases;
  await stripe.subscriptionSchedules.update(schedule.id, {
    phases: [
      {
        items: [{ price: "price_pro_month", quantity: 1 }],
        start_date: first?.start_date as number,
        end_date: first?.end_date as number,
      },
      { items: [{ price: "price_premium_month", quantity: 1 }], duration: { interval: "month" } },
    ],
  });
  const { schedule: attached } = await stripe.subscriptions.retrieve(subscription.id, {
    expand: ["schedule"],
  });
  expect(attached).toMatchObject({ id: schedule.id, current_phase: { end_date: item.current_period_end } });
  await expect(stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true })).rejects.toThrow(
    "managed by the subscription schedule",
  );

  await standIn.passUntil(item.current_period_end);
  const changed = await stripe.subscriptions.retrieve(subscription.id);
  expect(changed.items.data[0]).toMatchObject({ id: item.id, price: { id: "price_premium_month" } });
  expect(await listInvoices(standIn, subscription.id)).toEqual([
    ["subscription_create", "paid", 2000],
    ["subscription_cycle", "paid", 800],
  ]);
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  expect(renewal?.lines.data).toHaveLength(1);
  await standIn.passUntil(changed.items.data[0]?.current_period_end ?? 0);
  expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe("released");
  expect((await stripe.subscriptions.retrieve(subscription.id)).schedule).toBeNull();
});

test("a phase that begins within a period is prorated as it says", async () => {
  const standIn = await openStandIn({ epochMs: Date.UTC(2026, 3, 1) });
  const { stripe } = standIn;
  const { subscription, item } = await subscribe(standIn);
  const { id } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const middle = item.current_period_start + 15 * daySeconds;
  await stripe.subscriptionSchedules.update(id, {
    phases: [
      { items: [{ price: "price_premium_month" }], start_date: item.current_period_start, end_date: middle },
      { items: [{ price: "price_pro_month" }], proration_behavior: "always_invoice" },
    ],
    end_behavior: "cancel",
  });
  await standIn.passUntil(middle);
  expect(await listInvoices(standIn, subscription.id)).toEqual([
    ["subscription_create", "paid", 800],
    ["subscription_update", "paid", 600],
  ]);
  // A phase without an end lasts as long as its price's interval.
  await standIn.pass(29);
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("active");
  await standIn.pass(1);
  expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe("canceled");
});
