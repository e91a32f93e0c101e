import { expect, test } from "vitest";
import { createAccountClient } from "../../support/account-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { readCounters, readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const account = createAccountClient();

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const noTokens = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
const used = {
  inputTokens: 300,
  cacheReadTokens: 20,
  cacheWriteTokens: 3,
  outputTokens: 70,
  reasoningTokens: 50,
};
const usedTokens = 393;

const limits = [
  { unit: "requests", window: "day", amount: 5 },
  { unit: "tokens", window: "day", amount: 1000 },
  { unit: "nano_usd", window: "month", amount: 50_000 },
] as const;

test("a service holds what it may need, and what it needed is charged in its place", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const placed = await account.placeHold({ userId: caller.userId, tokens: 600, costNano: 9000 });
  expect(placed.status).toBe(201);
  expect(placed.body).toEqual({
    id: placed.headers.get("x-request-id"),
    state: "pending",
    expiresAt: instant,
    limits: expect.arrayContaining([
      {
        ...{ scope: "all", scopeId: "", unit: "tokens", window: "day" },
        ...{ limit: 1000, used: 0, held: 600, left: 400, resetsAt: instant },
      },
    ]),
  });
  expect(placed.body.limits).toHaveLength(3);
  expect(await readCounters(sql, caller.userId)).toEqual({
    requests: { used: 0, held: 1 },
    tokens: { used: 0, held: 600 },
    nano_usd: { used: 0, held: 9000 },
  });

  const { id } = placed.body;
  const settled = await account.settleHold(id, { usage: used, costNano: 7777 });
  expect(settled.status).toBe(200);
  expect(settled.body).toEqual({
    ...{ id, state: "settled", expiresAt: placed.body.expiresAt, usage: used, costNano: 7777 },
    limits: expect.arrayContaining([
      {
        ...{ scope: "all", scopeId: "", unit: "tokens", window: "day" },
        ...{ limit: 1000, used: usedTokens, held: 0, left: 1000 - usedTokens, resetsAt: instant },
      },
    ]),
  });
  expect(await readCounters(sql, caller.userId)).toEqual({
    requests: { used: 1, held: 0 },
    tokens: { used: usedTokens, held: 0 },
    nano_usd: { used: 7777, held: 0 },
  });
  expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([
    {
      hold_id: id,
      entry: "charge",
      outcome: "completed",
      estimated: false,
      cost_nano: 7777,
      input_tokens: 300,
    },
  ]);
});

test("a settlement is made once: the second one gets the answer of the first", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const { id } = (await account.placeHold({ userId: caller.userId, tokens: 600 })).body;
  const answers = await Promise.all(
    [1, 2, 3, 4].map((costNano) => account.settleHold(id, { usage: used, costNano })),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const costs = new Set(answers.map(({ body }) => body.costNano));
  expect(costs.size).toBe(1);
  const again = await account.settleHold(id, { costNano: 999 });
  expect(again.body).toMatchObject({ state: "settled", usage: used, costNano: [...costs][0] });
  expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(1);
  expect(await readCounters(sql, caller.userId)).toMatchObject({ tokens: { used: usedTokens, held: 0 } });
});

test("a settlement may be more than was held: it is spent", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const { id } = (await account.placeHold({ userId: caller.userId, tokens: 1, costNano: 1 })).body;
  const { status, body } = await account.settleHold(id, { usage: { outputTokens: 5000 }, costNano: 60_000 });
  expect([status, body.costNano]).toEqual([200, 60_000]);
  expect(body.limits).toContainEqual(
    expect.objectContaining({ unit: "tokens", used: 5000, held: 0, left: 0 }),
  );
  expect((await account.placeHold({ userId: caller.userId, tokens: 1 })).status).toBe(402);
});

test("the largest amounts are counted to the last nano-USD", async () => {
  const { userId } = await signUpCaller(sql, {
    limits: [{ unit: "nano_usd", window: "month", amount: 2e15 }],
  });
  const { status, body } = await account.placeHold({ userId, tokens: 1e9, costNano: 1e15 });
  expect([status, body.limits]).toMatchObject([201, [{ held: 1e15, left: 1e15 }]]);
  const settled = await account.settleHold(body.id, { usage: { inputTokens: 1e9 }, costNano: 1e15 - 1 });
  expect(settled.body).toMatchObject({ costNano: 1e15 - 1, limits: [{ used: 1e15 - 1, left: 1e15 + 1 }] });
});

test("what is released costs nothing and counts for nothing", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const { id } = (await account.placeHold({ userId: caller.userId, tokens: 600, costNano: 9000 })).body;
  for (let time = 0; time < 2; time++) {
    const { status, body } = await account.releaseHold(id);
    expect([status, body]).toEqual([
      200,
      {
        ...{ id, state: "settled", expiresAt: instant, usage: noTokens, costNano: 0 },
        limits: expect.arrayContaining([
          expect.objectContaining({ unit: "tokens", used: 0, held: 0, left: 1000 }),
        ]),
      },
    ]);
  }
  expect((await account.settleHold(id, { costNano: 5 })).body.costNano).toBe(0);
  const { ledger, windows } = await readMetering(sql, caller.userId);
  expect(ledger).toEqual([]);
  for (const window of windows) expect(window).toMatchObject({ used: 0, held: 0 });
});

test("what is settled cannot be released", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const { id } = (await account.placeHold({ userId: caller.userId, tokens: 600 })).body;
  const settled = await account.settleHold(id, { usage: used, costNano: 7777 });
  const released = await account.releaseHold(id);
  expect([released.status, released.body]).toEqual([200, settled.body]);
  expect(await readCounters(sql, caller.userId)).toMatchObject({ nano_usd: { used: 7777, held: 0 } });
});

test("what a service forgot is free again after ten minutes, and is charged all the same if it reports then", async () => {
  const caller = await signUpCaller(sql, { limits: [...limits] });
  const { id, expiresAt } = (await account.placeHold({ userId: caller.userId, tokens: 900 })).body;
  const [row] = await sql<{ created_at: Date }[]>`select created_at from private.holds where id = ${id}`;
  expect(Date.parse(expiresAt) - Number(row?.created_at)).toBe(600_000);
  expect((await account.placeHold({ userId: caller.userId, tokens: 900 })).status).toBe(402);
  await sql`update private.holds set expires_at = now() - interval '1 second' where id = ${id}`;
  const next = await account.placeHold({ userId: caller.userId, tokens: 900 });
  expect(next.status).toBe(201);
  expect(await readCounters(sql, caller.userId)).toMatchObject({ tokens: { used: 0, held: 900 } });

  const { status, body } = await account.settleHold(id, { usage: used, costNano: 7777 });
  expect([status, body.state, body.costNano]).toEqual([200, "settled", 7777]);
  expect(await readCounters(sql, caller.userId)).toEqual({
    requests: { used: 1, held: 1 },
    tokens: { used: usedTokens, held: 900 },
    nano_usd: { used: 7777, held: 0 },
  });
});

test("what is held for somebody who is deleted then can still be settled", async () => {
  const { userId } = await signUp();
  const { id } = (await account.placeHold({ userId, tokens: 10, costNano: 10 })).body;
  await sql`delete from auth.users where id = ${userId}`;
  const { status, body } = await account.settleHold(id, { usage: used, costNano: 77 });
  expect([status, body]).toEqual([
    200,
    { id, state: "settled", expiresAt: instant, usage: used, costNano: 77, limits: [] },
  ]);
});
