import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase } from "../support/database-calls.ts";
import { setPlan, signUp } from "../support/people.ts";
import { makePlan } from "../support/test-models.ts";

const sql = connectDatabase();
const none = {
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
};

interface Hold {
  hold_id: string;
  refusal?: string;
  limits: { used: number; held: number; limit: number }[];
}

/** A service takes money of somebody. Returns the hold once it is settled, or the refusal. */
async function spend(userId: string, costNano: number): Promise<Hold> {
  const hold_id = randomUUID();
  const item = { hold_id, user_id: userId, service: "test", tokens: 0, cost_nano: costNano };
  const placed = await callDatabase<Hold>("place_hold", { item });
  if (placed.refusal !== undefined) return placed;
  return callDatabase<Hold>("settle_hold", { item: { hold_id, usage: none, cost_nano: costNano } });
}

const budgetOf = (amount: number) =>
  makePlan(sql, { limits: [{ unit: "nano_usd", window: "month", amount }] });

test("credits pay for what goes beyond the budget, to the last nano-USD, and what is told of the budget is the budget's", async () => {
  const { userId } = await signUp();
  await setPlan(sql, userId, await budgetOf(100));
  await sql`select private.grant_credit(${userId}, 'test', ${randomUUID()}, 50)`;
  expect((await spend(userId, 130)).limits).toMatchObject([{ limit: 100, used: 100, held: 0 }]);
  expect((await spend(userId, 21)).refusal).toBe("SL402");
  expect((await spend(userId, 20)).limits).toMatchObject([{ used: 100 }]);
  expect((await spend(userId, 1)).refusal).toBe("SL402");
  // A dearer plan: what credits have paid for is not used of it.
  await setPlan(sql, userId, await budgetOf(150));
  expect((await spend(userId, 50)).limits).toMatchObject([{ limit: 150, used: 150 }]);
  expect((await spend(userId, 1)).refusal).toBe("SL402");
});

test("a source grants once, whoever tells it how often, and what is left of it is taken back once", async () => {
  const { userId } = await signUp();
  const source = randomUUID();
  const grants = await Promise.all(
    Array.from({ length: 8 }, () => sql`select private.grant_credit(${userId}, 'test', ${source}, 50) as id`),
  );
  expect(new Set(grants.map(([row]) => row?.id)).size).toBe(1);
  const left = () => sql`select left_nano from private.credit_left where user_id = ${userId}`;
  expect(await left()).toEqual([{ left_nano: 50 }]);
  const revoked = await Promise.all(
    Array.from({ length: 4 }, () => sql`select private.revoke_credit('test', ${source}) as nano`),
  );
  expect(revoked.map(([row]) => row?.nano).toSorted()).toEqual([0, 0, 0, 50]);
  expect(await left()).toEqual([]);
  expect(
    await sql`select entry, amount_nano from private.credit_entries where user_id = ${userId} order by id`,
  ).toEqual([
    { entry: "grant", amount_nano: 50 },
    { entry: "revoke", amount_nano: -50 },
  ]);
});

test("credits are consumed by priority, then those that expire first, then the oldest; what is returned goes back to the last", async () => {
  const { userId } = await signUp();
  await setPlan(sql, userId, await budgetOf(0));
  const [soon, later] = ["2100-01-01", "2200-01-01"];
  for (const [name, priority, expires] of [
    ["low priority", 1, soon],
    ["expires later", 0, later],
    ["first", 0, soon],
    ["second", 0, soon],
  ] as const)
    await sql`select private.grant_credit(${userId}, 'test', ${`${userId} ${name}`}, 10, ${priority}, ${expires})`;
  const left = async () => {
    const grants = await sql<{ name: string; left_nano: number }[]>`
      select split_part(source_id, ' ', 2) || coalesce(' ' || nullif(split_part(source_id, ' ', 3), ''), '') as name, left_nano
      from private.credit_grants where user_id = ${userId}`;
    return Object.fromEntries(grants.map(({ name, left_nano }) => [name, left_nano]));
  };
  const whole = { first: 10, second: 10, "expires later": 10, "low priority": 10 };
  await spend(userId, 4);
  expect(await left()).toEqual({ ...whole, first: 6 });
  await spend(userId, 8);
  expect(await left()).toEqual({ ...whole, first: 0, second: 8 });
  await spend(userId, 9);
  expect(await left()).toEqual({ ...whole, first: 0, second: 0, "expires later": 9 });
  const holdId = await spend(userId, 12).then(({ hold_id }) => hold_id);
  expect(await left()).toEqual({ first: 0, second: 0, "expires later": 0, "low priority": 7 });
  await sql`select private.refund_charge(${holdId}, 1::smallint, 5)`;
  expect(await left()).toEqual({ first: 0, second: 0, "expires later": 2, "low priority": 10 });
});

test("credits that have expired, or are taken back, pay for nothing new", async () => {
  const { userId } = await signUp();
  await setPlan(sql, userId, await budgetOf(0));
  await sql`select private.grant_credit(${userId}, 'test', ${`${userId} late`}, 10, 0::smallint, now() - interval '1 second')`;
  await sql`select private.grant_credit(${userId}, 'test', ${`${userId} refunded`}, 10)`;
  await sql`select private.revoke_credit('test', ${`${userId} refunded`})`;
  expect((await spend(userId, 1)).refusal).toBe("SL402");
  await sql`select private.grant_credit(${userId}, 'test', ${`${userId} good`}, 10)`;
  expect((await spend(userId, 11)).refusal).toBe("SL402");
  expect((await spend(userId, 10)).refusal).toBeUndefined();
});

test("credits for which a hold of the month before stands are not given to another", async () => {
  const { userId } = await signUp();
  await setPlan(sql, userId, await budgetOf(0));
  await sql`select private.grant_credit(${userId}, 'test', ${randomUUID()}, 50)`;
  const item = { hold_id: randomUUID(), user_id: userId, service: "test", tokens: 0, cost_nano: 40 };
  await callDatabase<Hold>("place_hold", { item });
  const left = () =>
    callDatabase<{ credits: { left_nano: number } }>("get_balance", { user_id: userId }).then(
      ({ credits }) => credits.left_nano,
    );
  expect(await left()).toBe(10);
  await sql`
    update private.usage_windows set period_start = now() - interval '1 month', period_end = now()
    where user_id = ${userId} and "window" = 'month'`;
  expect(await left()).toBe(10);
  expect((await spend(userId, 11)).refusal).toBe("SL402");
  expect((await spend(userId, 10)).refusal).toBeUndefined();
  await callDatabase("settle_hold", { item: { hold_id: item.hold_id, usage: none, cost_nano: 25 } });
  expect(await left()).toBe(15);
});
