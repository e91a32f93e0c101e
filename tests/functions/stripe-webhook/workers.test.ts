import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createRandom } from "../../support/random.ts";
import { openMemoryStripe } from "./memory-stripe.ts";
import { makeCustomer, openWebhook } from "./play-sequence.ts";

const sql = connectDatabase();
const rounds = process.env.BILLING_ORDERS === "all" ? 300 : 60;
const together = 24;
const workers = 8;
/** Each another plan than the one before; every other round ends with a cancellation instead. */
const changes = ["premium", "enterprise", "premium", "enterprise", "pro"];

/**
 * Somebody changes the plan five times while eight workers do the events, each after a delay of its own: before Stripe is asked, and
 * before its answer arrives. Returns the plan that is left and the one that Stripe's objects give.
 */
async function playRound(seed: number): Promise<{ plan: string; truth: string }> {
  const random = createRandom(seed);
  const wait = () => pause(random.integer(0, 5));
  // Mostly short, now and then so long that somebody else is done meanwhile: who read early is the last to write.
  const waiting: (() => void)[] = [];
  const waitLong = () =>
    random.chance(0.4) ? Promise.race([new Promise<void>((done) => waiting.push(done)), pause(500)]) : wait();
  const stand = openMemoryStripe();
  const { stripe } = stand;
  const { id: customer } = await stripe.customers.create({});
  const userId = await makeCustomer(sql, customer);
  const read = changes.slice(1).map(() => Promise.withResolvers<void>());
  const reads = [...read];
  const deliver = openWebhook((async (input: string | URL | Request, init?: RequestInit) => {
    await wait();
    const answer = await stand.fetch(input, init);
    reads.shift()?.resolve();
    await waitLong();
    return answer;
  }) as typeof fetch);

  const { id, items } = await stripe.subscriptions.create({
    customer,
    items: [{ price: `price_${changes[0]}_month` }],
  });
  const itemId = items.data[0]?.id ?? "";
  const endsCancelled = seed % 2 === 0;
  const queue: string[] = [];
  const sent = () => stand.events().filter(({ type }) => type.startsWith("customer.subscription."));
  const take = () =>
    queue.push(
      ...sent()
        .slice(-1)
        .map((event) => JSON.stringify(event)),
    );
  let isOver = false;
  const change = async () => {
    take();
    for (const [index, plan] of changes.entries()) {
      if (index === 0) continue;
      // As soon as somebody has read what Stripe was before: from now on they hold what is stale.
      await read[index - 1]?.promise;
      if (endsCancelled && index === changes.length - 1) await stripe.subscriptions.cancel(id);
      else await stripe.subscriptions.update(id, { items: [{ id: itemId, price: `price_${plan}_month` }] });
      take();
    }
    isOver = true;
  };
  const work = async () => {
    while (!isOver || queue.length > 0) {
      const event = queue.shift();
      await wait();
      if (event === undefined) continue;
      expect(await deliver(event)).toBe(200);
      for (const done of waiting.splice(0)) done();
    }
  };
  await Promise.all([change(), ...Array.from({ length: workers }, work)]);
  const [row] = await sql<[{ plan: string }]>`
    select plan_id as plan from private.current_accounts where user_id = ${userId}`;
  return { plan: row.plan, truth: endsCancelled ? "free" : "pro" };
}

test(`five events by eight workers with random delays, ${rounds} rounds: what is left is never stale`, async () => {
  let next = 0;
  const stale: number[] = [];
  const worker = async () => {
    for (let round = next++; round < rounds; round = next++) {
      const { plan, truth } = await playRound(round);
      if (plan !== truth) stale.push(round);
    }
  };
  await Promise.all(Array.from({ length: together }, worker));
  expect(stale).toEqual([]);
}, 120_000);
