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
