import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openEndpoint, openStandIn, secret, subscribe } from "./stand-in.ts";

test("the clock goes forward through all that is due, and back only while nobody is there", async () => {
  const standIn = await openStandIn();
  await standIn.control("POST", "/clock", { set: "2020-02-01T00:00:00Z" });
  const { subscription } = await subscribe(standIn);
  expect(new Date(subscription.created * 1000).toISOString()).toMatch(/^2020-02-01/);
  await expect(standIn.control("POST", "/clock", { set: "2019-01-01T00:00:00Z" })).rejects.toThrow("400");
  await expect(standIn.control("POST", "/clock", { advanceTo: "2019-01-01T00:00:00Z" })).rejects.toThrow(
    "400",
  );
  await standIn.control("POST", "/clock", { advanceTo: "2021-02-01T00:01:00Z" });
  const invoices = await standIn.stripe.invoices.list({ subscription: subscription.id, limit: 100 });
  expect(invoices.data).toHaveLength(13);
  const months = invoices.data.map(({ created }) => new Date(created * 1000).getUTCMonth() + 1);
  expect(months).toEqual([2, 1, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
});

test("all that it knows outlives a restart, the clock and what was not delivered too", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-stripe-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const stateFile = join(directory, "stripe.json");
  const endpoint = await openEndpoint();
  const before = await openStandIn({ stateFile, webhook: { url: endpoint.url, secret } });
  await before.control("POST", "/delivery", { mode: "deliver", delayMs: [60_000, 60_000] });
  const { customer, subscription } = await subscribe(before);
  await before.control("POST", `/customers/${customer.id}/card`, { behaviour: "declines" });
  await before.pass(40);
  await before.stop();
  expect(endpoint.received).toEqual([]);

  const after = await openStandIn({ stateFile, webhook: { url: endpoint.url, secret } });
  expect((await after.stripe.subscriptions.retrieve(subscription.id)).status).toBe("past_due");
  const { now } = await after.control<{ now: string }>("GET", "/clock");
  expect(now).toMatch(/^2026-02-24/);
  await after.control("GET", "/deliveries?wait=settled");
  expect(endpoint.types()).toContain("invoice.payment_failed");
});

test("calls meet the faults that were asked for, as often as they were, and are counted by what they ask", async () => {
  const { stripe, url, control } = await openStandIn();
  const { id } = await stripe.customers.create();
  await control("DELETE", "/calls");
  await control("POST", "/faults", { path: "/v1/customers", status: 503, times: 2 });
  const ask = () => stripe.customers.retrieve(id);
  await expect(ask()).rejects.toMatchObject({ statusCode: 503, type: "StripeAPIError" });
  await expect(ask()).rejects.toMatchObject({ statusCode: 503 });
  expect((await ask()).id).toBe(id);
  await control("POST", "/faults", { path: "/v1/prices", hang: true });
  const hung = fetch(`${url}/v1/prices`, {
    headers: { authorization: "Bearer sk_test_1" },
    signal: AbortSignal.timeout(100),
  });
  await expect(hung).rejects.toThrow();
  await control("DELETE", "/faults");
  await stripe.prices.list();
  expect(await control("GET", "/calls")).toEqual({
    calls: { "GET /v1/customers/:id": 3, "GET /v1/prices": 2 },
  });
});

test("a control that does not exist is refused with the names of those that do", async () => {
  const { control } = await openStandIn();
  await expect(control("POST", "/clok")).rejects.toThrow(/404 .*POST \/clock/s);
});
