import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { lockRow } from "../../support/lock-row.ts";
import { openWebhookBench, type WebhookBench } from "../../support/stripe-shop.ts";

const sql = connectDatabase();
let bench: WebhookBench;

beforeAll(async () => {
  bench = await openWebhookBench();
});
afterAll(() => bench.stop());

/** Somebody new who has paid for credits of 20 US dollars, of which nothing was told yet. */
async function buyCredits() {
  const buyer = await bench.makeCustomer(sql);
  const session = await bench.stripe.checkout.sessions.create({
    ...{ customer: buyer.customer, mode: "payment", invoice_creation: { enabled: true } },
    line_items: [{ price: "price_credits_20", quantity: 1 }],
    ...{ success_url: "https://app.example/", cancel_url: "https://app.example/" },
  });
  expect(await bench.pay(session.url ?? "")).toBe(303);
  const { payment_intent: intent } = await bench.stripe.checkout.sessions.retrieve(session.id);
  return {
    ...buyer,
    intent: intent as string,
    completed: await bench.findEvent("checkout.session.completed"),
    paid: await bench.findEvent("invoice.paid"),
  };
}

const creditsOf = (userId: string) => sql`
  select g.amount_nano, g.left_nano, g.revoked_nano, g.owed_nano, count(e)::int as entries
  from private.credit_grants g join private.credit_entries e on e.grant_id = g.id
  where g.user_id = ${userId} group by g.id`;
const granted = {
  amount_nano: 20_000_000_000,
  left_nano: 20_000_000_000,
  revoked_nano: 0,
  owed_nano: 0,
  entries: 1,
};

describe("a purchase that arrives as a session and as an invoice grants its credits exactly once:", () => {
  test("both, duplicated, 50 at once", async () => {
    const { userId, completed, paid } = await buyCredits();
    const events = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? completed : paid));
    const statuses = await Promise.all(events.map((event) => bench.deliver(event)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await creditsOf(userId)).toEqual([granted]);
  });

  /** Stops a delivery where its payment is written and its grant is not: somebody else is about to grant for the same source. */
  async function stopBetween({ userId, intent }: { userId: string; intent: string }, event: object) {
    const lock = await lockRow(
      sql,
      (session) => session`
        insert into private.credit_grants (user_id, source_kind, source_id, amount_nano, left_nano)
        values (${userId}, 'stripe_payment', ${intent}, 1, 1) returning pg_backend_pid() as pid`,
    );
    const delivery = bench.deliver(event).catch(() => "no answer");
    await lock.waitForBlocked(1);
    return { lock, delivery };
  }

  test("cancelled between the payment and the grant, nothing is there, and the next delivery grants", async () => {
    const bought = await buyCredits();
    const { userId, completed, paid } = bought;
    const { lock, delivery } = await stopBetween(bought, completed);
    await lock.cancelBlocked();
    expect(await delivery).toBe(503);
    await lock.rollback();
    expect(await creditsOf(userId)).toEqual([]);
    expect(await sql`select id from private.payments where user_id = ${userId}`).toEqual([]);
    // Stripe sends again what was not acknowledged.
    for (const event of [completed, paid, completed]) expect(await bench.deliver(event)).toBe(200);
    expect(await creditsOf(userId)).toEqual([granted]);
  });

  test("killed between the payment and the grant, it is granted once, whatever became of the call", async () => {
    const bought = await buyCredits();
    const { userId, completed, paid } = bought;
    const { lock, delivery } = await stopBetween(bought, paid);
    await bench.webhook.kill();
    expect(await delivery).toBe("no answer");
    await lock.rollback();
    await bench.restart();
    for (const event of [paid, completed, paid]) expect(await bench.deliver(event)).toBe(200);
    expect(await creditsOf(userId)).toEqual([granted]);
  });

  test("refunds take them back in their share, disputes all of them, and one that is won gives them back", async () => {
    const { userId, intent, completed } = await buyCredits();
    await bench.deliver(completed);
    await bench.stripe.refunds.create({ payment_intent: intent, amount: 500 });
    const refunded = await bench.findEvent("charge.refunded");
    for (let time = 0; time < 2; time++) expect(await bench.deliver(refunded)).toBe(200);
    expect(await creditsOf(userId)).toMatchObject([
      { left_nano: 15_000_000_000, revoked_nano: 5_000_000_000 },
    ]);
    const { id } = await bench.control<{ id: string }>("POST", "/disputes", { paymentIntent: intent });
    expect(await bench.deliver(await bench.findEvent("charge.dispute.created"))).toBe(200);
    expect(await creditsOf(userId)).toMatchObject([{ left_nano: 0, revoked_nano: 20_000_000_000 }]);
    await bench.control("POST", `/disputes/${id}/close`, { status: "won" });
    expect(await bench.deliver(await bench.findEvent("charge.dispute.closed"))).toBe(200);
    expect(await creditsOf(userId)).toMatchObject([
      { left_nano: 15_000_000_000, revoked_nano: 5_000_000_000 },
    ]);
    const alerts = await sql`select kind from private.alerts where data ->> 'payment_id' = ${intent}`;
    expect(alerts).toEqual([{ kind: "payment_disputed" }]);
  });

  test("what was used before it was taken back stays owed, and is told", async () => {
    const { userId, intent, completed } = await buyCredits();
    await bench.deliver(completed);
    await sql`update private.credit_grants set left_nano = 4000000000 where user_id = ${userId}`;
    await sql`
      insert into private.credit_entries (grant_id, user_id, entry, amount_nano, hold_id)
      select id, user_id, 'consume', -16000000000, gen_random_uuid() from private.credit_grants where user_id = ${userId}`;
    await bench.stripe.refunds.create({ payment_intent: intent });
    await bench.deliver(await bench.findEvent("charge.refunded"));
    expect(await creditsOf(userId)).toMatchObject([
      { left_nano: 0, revoked_nano: 4_000_000_000, owed_nano: 16_000_000_000 },
    ]);
    expect(
      await sql`select data ->> 'owed_nano' as owed from private.alerts where kind = 'credits_owed' and data ->> 'payment_id' = ${intent}`,
    ).toEqual([{ owed: "16000000000" }]);
  });
});
