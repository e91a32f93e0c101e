import { expect, test } from "vitest";
import { openEndpoint, openStandIn, secret, thinSecret } from "./stand-in.ts";

interface Deliveries {
  deliveries: {
    id: string;
    type: string;
    deliveries: { state: string; attempts: { outcome: unknown }[] }[];
  }[];
}

test("events are signed as Stripe signs them, at the machine's time, whatever the stand-in's clock says", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  const customer = await stripe.customers.create({ email: "a@example.com" });
  await control("GET", "/deliveries?wait=settled");
  const [{ body, signature } = { body: "", signature: "" }] = endpoint.received;
  const event = await stripe.webhooks.constructEventAsync(body, signature, secret);
  expect(event).toMatchObject({
    type: "customer.created",
    api_version: "2026-10-28.endive",
    data: { object: { id: customer.id, email: "a@example.com" } },
    pending_webhooks: 1,
    request: { id: customer.lastResponse.requestId },
  });
  await expect(stripe.webhooks.constructEventAsync(body, signature, "whsec_other")).rejects.toThrow();
  expect(await stripe.events.retrieve(event.id)).toMatchObject({ pending_webhooks: 0 });
});

test("the other endpoint gets the same without data, and what it is about can be fetched", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ thinWebhook: { url: endpoint.url, secret: thinSecret } });
  const customer = await stripe.customers.create({ email: "a@example.com" });
  await control("GET", "/deliveries?wait=settled");
  const [{ body, signature } = { body: "", signature: "" }] = endpoint.received;
  const notice = await stripe.parseEventNotificationAsync(body, signature, thinSecret);
  if (notice.type !== "v1.customer.created") throw new Error(notice.type);
  expect(notice).not.toHaveProperty("data");
  expect(await notice.fetchRelatedObject()).toMatchObject({ id: customer.id, email: "a@example.com" });
  expect(await notice.fetchEvent()).toMatchObject({ id: notice.id, type: notice.type });
});

test("events are held until they are let go, in any order and any number", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  await control("POST", "/delivery", { mode: "hold" });
  const { id } = await stripe.customers.create();
  await stripe.customers.update(id, { name: "A" });
  await stripe.customers.del(id);
  const { deliveries } = await control<Deliveries>("GET", "/deliveries?wait=settled");
  expect(deliveries.map((event) => event.deliveries.map(({ state }) => state))).toEqual([
    ["held"],
    ["held"],
    ["held"],
  ]);
  expect(endpoint.received).toEqual([]);
  const [created, updated, deleted] = deliveries.map((event) => event.id);
  await control("POST", "/deliver", { eventIds: [deleted, created, updated], inOrder: true });
  expect(endpoint.types()).toEqual(["customer.deleted", "customer.created", "customer.updated"]);
  const { outcomes } = await control<{ outcomes: unknown[] }>("POST", "/deliver", {
    eventIds: [created],
    copies: 3,
  });
  expect(outcomes).toHaveLength(3);
  expect(endpoint.received).toHaveLength(6);
});

test("events are dropped, sent twice or late on command", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  await control("POST", "/delivery", { mode: "drop" });
  await stripe.customers.create();
  await control("POST", "/delivery", { mode: "deliver", copies: 2, delayMs: [20, 40] });
  await stripe.customers.create();
  expect(endpoint.received).toEqual([]);
  await control("GET", "/deliveries?wait=settled");
  expect(endpoint.types()).toEqual(["customer.created", "customer.created"]);
  const dropped = await stripe.events.list({ delivery_success: false });
  expect(dropped.data.map(({ pending_webhooks }) => pending_webhooks)).toEqual([1]);
});

test("what an endpoint does not take is sent again a second later, signed anew", async () => {
  let refused = 0;
  const endpoint = await openEndpoint((_, response) => {
    if (refused++ === 0) response.statusCode = 500;
  });
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  await stripe.customers.create();
  const { deliveries } = await control<Deliveries>("GET", "/deliveries?wait=settled");
  expect(deliveries[0]?.deliveries[0]).toMatchObject({
    state: "delivered",
    attempts: [{ outcome: 500 }, { outcome: 200 }],
  });
  const [first, second] = endpoint.received;
  expect(second?.body).toBe(first?.body);
  expect(second?.signature).not.toBe(first?.signature);
  expect((await stripe.events.list({ delivery_success: true })).data).toHaveLength(1);
});

test("an event of any kind can be made, also of the wrong mode or a foreign account", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  const made = { type: "some.day", object: { object: "thing" }, livemode: true, account: "acct_other" };
  await control("POST", "/events", made);
  await control("GET", "/deliveries?wait=settled");
  const [{ body, signature } = { body: "", signature: "" }] = endpoint.received;
  expect(await stripe.webhooks.constructEventAsync(body, signature, secret)).toMatchObject({
    type: "some.day",
    livemode: true,
    account: "acct_other",
  });
});

test("what is held, waited for or made to fail can be one customer's alone", async () => {
  const endpoint = await openEndpoint();
  const { stripe, control } = await openStandIn({ webhook: { url: endpoint.url, secret } });
  await control("POST", "/delivery", { mode: "hold", contains: "held@example.com" });
  const delayMs = [60_000, 60_000];
  await control("POST", "/delivery", { mode: "deliver", contains: "late@example.com", delayMs });
  await control("POST", "/faults", { path: "/v1/customers", contains: "fails%40example.com", status: 500 });
  await stripe.customers.create({ email: "held@example.com" });
  await stripe.customers.create({ email: "late@example.com" });
  const other = await stripe.customers.create({ email: "other@example.com" });
  await expect(stripe.customers.create({ email: "fails@example.com" })).rejects.toMatchObject({
    statusCode: 500,
  });
  const { deliveries } = await control<Deliveries>("GET", `/deliveries?contains=${other.id}&wait=settled`);
  expect(deliveries.map((event) => event.deliveries.map(({ state }) => state))).toEqual([["delivered"]]);
  expect(endpoint.types()).toEqual(["customer.created"]);
});
