import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sign } from "../../../local/stripe/webhooks/sign.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { openWebhookBench, type WebhookBench } from "../../support/stripe-shop.ts";

const sql = connectDatabase();
let bench: WebhookBench;

beforeAll(async () => {
  bench = await openWebhookBench();
});
afterAll(() => bench.stop());

const planOf = async (userId: string) =>
  (await sql`select plan_id from private.current_accounts where user_id = ${userId}`)[0]?.plan_id as string;
const nowSeconds = () => Math.floor(Date.now() / 1000);

/** Somebody new with a subscription to pro, of which nothing was told yet. */
async function subscribe(price = "price_pro_month") {
  const buyer = await bench.makeCustomer(sql);
  const subscription = await bench.stripe.subscriptions.create({
    customer: buyer.customer,
    items: [{ price }],
  });
  return { ...buyer, subscription, event: await bench.findEvent("customer.subscription.created") };
}

describe("what is let in:", () => {
  const answers = async (body: string, header?: string | null) => {
    const { status, code, text } = await bench.send(body, header);
    expect(text.length).toBeLessThan(300);
    return code === undefined ? status : `${status} ${code}`;
  };

  test("each signature gets the status that it must get", async () => {
    const { event, userId } = await subscribe();
    const body = JSON.stringify(event);
    const now = nowSeconds();
    const v1 = (text = body, secret = bench.secret, seconds = now) => sign(text, secret, seconds);
    const table: [string, string, string | null, number | string][] = [
      ["tampered", body.replace(`"${event.id}"`, '"evt_other"'), v1(), "400 signature_invalid"],
      ["re-serialised", JSON.stringify(event, null, 1), v1(), "400 signature_invalid"],
      ["wrong secret", body, v1(body, "whsec_wrong_secret"), "400 signature_invalid"],
      ["empty secret", body, v1(body, ""), "400 signature_invalid"],
      // A little more, because time goes on while it is sent.
      ["old", body, v1(body, bench.secret, now - 301), "400 signature_invalid"],
      ["from the future", body, v1(body, bench.secret, now + 330), "400 signature_invalid"],
      ["v0 only", body, v1().replace("v1=", "v0="), "400 signature_invalid"],
      ["no header", body, null, "400 signature_invalid"],
      ["no event", "{}", v1("{}"), "400 invalid_request"],
      ["another mode", body.replace('"livemode":false', '"livemode":true'), null, "400 signature_invalid"],
    ];
    for (const [what, text, header, expected] of table)
      expect([what, await answers(text, header)]).toEqual([what, expected]);
    expect(await planOf(userId)).toBe("free");
    expect(await answers(body, `${v1(body, "whsec_wrong_secret")},${v1().split(",")[1]}`)).toBe(200);
    expect(await planOf(userId)).toBe("pro");
  });

  test("events of another mode, of another account and of types that lead to nothing are acknowledged, change nothing and are logged", async () => {
    const { userId, ...told } = await subscribe();
    // Its type is all that Stripe sends.
    const event: { id: string; data: { object: object } } = told.event;
    const variants = [
      { ...event, livemode: true },
      { ...event, account: "acct_of_somebody" },
      { ...event, id: `evt_${randomUUID()}`, type: "customer.tax_id.created" },
      {
        ...event,
        id: `evt_${randomUUID()}`,
        data: { object: { ...event.data.object, customer: "cus_of_nobody" } },
      },
    ];
    for (const variant of variants) expect(await bench.deliver(variant)).toBe(200);
    expect(await planOf(userId)).toBe("free");
    const outcomes = () =>
      bench.webhook.lines.flatMap((line) => {
        const { stripeEvent } = line.startsWith("{") ? JSON.parse(line) : {};
        return variants.some(({ id }) => id === stripeEvent?.id) ? [stripeEvent.outcome] : [];
      });
    await expect
      .poll(outcomes)
      .toEqual(["not of this account", "not of this account", "leads to nothing", "of somebody else"]);
  });

  test("a thin notice leads to the same as the whole event", async () => {
    const { event, userId, subscription } = await subscribe();
    const thin = {
      ...{
        id: `evt_thin_${randomUUID()}`,
        object: "v2.core.event",
        livemode: false,
        created: new Date().toISOString(),
      },
      type: `v1.${event.type}`,
      related_object: {
        id: subscription.id,
        type: "subscription",
        url: `/v1/subscriptions/${subscription.id}`,
      },
    };
    expect(await bench.deliver(thin)).toBe(200);
    expect(await planOf(userId)).toBe("pro");
    const gone = {
      ...thin,
      id: `evt_thin_${randomUUID()}`,
      related_object: { ...thin.related_object, url: "/v1/subscriptions/sub_of_nobody" },
    };
    // With the key of another account, say: it must come again.
    expect(await bench.deliver(gone)).toBe(500);
  });

  test("a body of more than 1 MiB is refused before anything else", async () => {
    expect(await answers("x".repeat(1024 * 1024 + 1))).toBe("413 body_too_large");
  });

  test.each([
    ["a secret", { STRIPE_WEBHOOK_SECRETS: "" }],
    ["a key", { STRIPE_SECRET_KEY: "" }],
  ])("without %s nothing is let in, also what is signed with an empty one", async (_, missing) => {
    const closed = await startExtraFunction(
      { STRIPE_SECRET_KEY: "sk_test_bench", STRIPE_WEBHOOK_SECRETS: bench.secret, ...missing },
      "stripe-webhook",
    );
    try {
      const body = JSON.stringify((await subscribe()).event);
      const headers = { "stripe-signature": sign(body, "", nowSeconds()) };
      const response = await fetch(closed.url, { method: "POST", body, headers });
      expect([response.status, (await response.json()).error.code]).toEqual([503, "not_configured"]);
    } finally {
      await closed.stop();
    }
  });
});

test("64 copies of one event at once have one effect", async () => {
  const { event, userId } = await subscribe();
  const statuses = await Promise.all(Array.from({ length: 64 }, () => bench.deliver(event)));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await planOf(userId)).toBe("pro");
  expect(
    await sql`select count(*)::int from private.stripe_events where id = ${event.id} and done_at is not null`,
  ).toEqual([{ count: 1 }]);
  expect(await sql`select status from private.subscriptions where user_id = ${userId}`).toEqual([
    { status: "active" },
  ]);
  // Once it is done, nobody is asked any more.
  await bench.control("DELETE", "/calls");
  expect(await bench.deliver(event)).toBe(200);
  expect(await bench.control("GET", "/calls")).toEqual({ calls: {} });
});

test("a payment for a subscription grants none, and is revenue of its plan", async () => {
  const { userId } = await subscribe();
  expect(await bench.deliver(await bench.findEvent("invoice.paid"))).toBe(200);
  expect(await sql`select from private.credit_grants where user_id = ${userId}`).toEqual([]);
  expect(await sql`select plan_id, amount, currency from private.payments where user_id = ${userId}`).toEqual(
    [{ plan_id: "pro", amount: 2000, currency: "usd" }],
  );
});

describe("while Stripe is", () => {
  test.each([
    ["down", { status: 500 }],
    ["too busy", { status: 429 }],
    ["slow", { hang: true }],
  ])("%s, events are answered so that they come again, and nobody's plan changes", async (_, fault) => {
    const { event, userId, subscription } = await subscribe();
    expect(await bench.deliver(event)).toBe(200);
    await bench.stripe.subscriptions.cancel(subscription.id);
    const deleted = await bench.findEvent("customer.subscription.deleted");
    await bench.control("POST", "/faults", { path: "/v1/subscriptions", ...fault });
    try {
      const { status, code, text } = await bench.send(JSON.stringify(deleted));
      expect([status, code]).toEqual([503, "billing_unavailable"]);
      expect(text).not.toMatch(/stripe\.com|sk_|cus_|127\.0/);
      expect(await planOf(userId)).toBe("pro");
    } finally {
      await bench.control("DELETE", "/faults");
    }
    expect(await bench.deliver(deleted)).toBe(200);
    expect(await planOf(userId)).toBe("free");
  });
});

test("nothing of a card, a name or an address is kept", async () => {
  const columns = await sql<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'private' and table_name in ('stripe_customers', 'stripe_events', 'subscriptions', 'payments', 'billing_leases', 'billing_prices')`;
  expect(columns.length).toBeGreaterThan(30);
  expect(
    columns.filter(({ name }) =>
      /card|last4|brand|email|name|address|phone|payload|body|data/.test(name.split(".")[1] ?? ""),
    ),
  ).toEqual([]);
});
