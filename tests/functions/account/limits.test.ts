import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { AccountLimits, Balance } from "../../../shared/metering/accounts.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { setPlan, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const account = createAccountClient();
const chats = createChatClient();
const provider = watchProvider();

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const ofAll = { scope: "all", scopeId: "", source: "plan", expiresAt: null };

/** What somebody is told of their limits, in an order that does not depend on names. */
async function readLimits(caller: { token: string }) {
  const { status, body } = await account.get<AccountLimits>(caller, "/limits");
  expect(status).toBe(200);
  return {
    ...body,
    limits: body.limits.toSorted((a, b) =>
      `${a.scope} ${a.unit} ${a.window}`.localeCompare(`${b.scope} ${b.unit} ${b.window}`),
    ),
  };
}

test("each limit is told with what is used, held and left of it, and when it resets", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, {
    simulate: `hold=${hold}`,
    limits: [
      { unit: "requests", window: "minute", amount: 10 },
      { unit: "requests", window: "day", amount: 50 },
      { unit: "tokens", window: "month", amount: 100_000 },
      { unit: "nano_usd", window: "month", amount: 1_000_000_000 },
      { unit: "concurrent", window: "instant", amount: 3 },
    ],
  });
  const midnight = new Date();
  midnight.setUTCHours(24, 0, 0, 0);
  const before = await readLimits(caller);
  expect(before).toMatchObject({
    plan: { id: caller.planId, name: "Test" },
    nextPlan: null,
    timeZone: "UTC",
  });
  expect(before.limits).toEqual([
    { ...ofAll, unit: "concurrent", window: "instant", limit: 3, used: 0, held: 0, left: 3, resetsAt: null },
    {
      ...{ ...ofAll, unit: "nano_usd", window: "month", limit: 1_000_000_000 },
      ...{ used: 0, held: 0, left: 1_000_000_000, resetsAt: instant },
    },
    {
      ...{ ...ofAll, unit: "requests", window: "day", limit: 50 },
      ...{ used: 0, held: 0, left: 50, resetsAt: midnight.toISOString() },
    },
    { ...ofAll, unit: "requests", window: "minute", limit: 10, used: 0, held: 0, left: 10, resetsAt: null },
    {
      ...{ ...ofAll, unit: "tokens", window: "month", limit: 100_000 },
      ...{ used: 0, held: 0, left: 100_000, resetsAt: instant },
    },
  ]);

  const message = randomUUID();
  const asking = chats.ask(caller, { message });
  await provider.waitForCall(message, "running");
  const during = (await readLimits(caller)).limits;
  expect(during).toMatchObject([
    { unit: "concurrent", used: 0, held: 1, left: 2, resetsAt: null },
    { unit: "nano_usd", used: 0 },
    { unit: "requests", window: "day", used: 0, held: 1, left: 49 },
    { unit: "requests", window: "minute", used: 1, left: 9, resetsAt: instant },
    { unit: "tokens", used: 0 },
  ]);
  for (const { limit, used, held, left } of during) expect(left).toBe(limit - used - held);
  expect(during[1]?.held).toBeGreaterThan(0);
  expect(during[4]?.held).toBeGreaterThan(0);

  await provider.release(hold);
  const { result } = await asking;
  const tokens = result.usage.inputTokens + result.usage.outputTokens;
  expect((await readLimits(caller)).limits).toMatchObject([
    { unit: "concurrent", used: 0, held: 0, left: 3 },
    { unit: "nano_usd", used: result.costNano, held: 0 },
    { unit: "requests", window: "day", used: 1, held: 0, left: 49 },
    { unit: "requests", window: "minute", used: 1 },
    { unit: "tokens", used: tokens, held: 0, left: 100_000 - tokens },
  ]);
});

test("limits of a model and of a provider, and those that were agreed with a caller alone, are told as such", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 5 }] });
  await sql`
    insert into private.plan_limits (plan_id, scope, scope_id, unit, "window", amount)
    values (${caller.planId}, 'provider', 'openai', 'tokens', 'day', 100)`;
  await sql`
    insert into private.model_limits (model_id, unit, "window", amount) values (${caller.modelId}, 'requests', 'day', 2)`;
  await sql`
    insert into private.limit_overrides (user_id, unit, "window", amount, expires_at)
    values (${caller.userId}, 'requests', 'day', 7, '2099-01-01T00:00:00Z')`;
  expect((await readLimits(caller)).limits).toMatchObject([
    { scope: "all", limit: 7, source: "override", expiresAt: "2099-01-01T00:00:00.000Z" },
    { scope: "model", scopeId: caller.modelId, limit: 2, source: "catalogue", expiresAt: null },
    { scope: "provider", scopeId: "openai", unit: "tokens", limit: 100, source: "plan" },
  ]);
});

test("a plan that was chosen and has not begun is told", async () => {
  const caller = await signUpCaller(sql);
  const smaller = await makePlan(sql, { models: [caller.modelId] });
  const larger = await makePlan(sql, { models: [caller.modelId] });
  await setPlan(sql, caller.userId, larger);
  await sql`select private.change_plan(${caller.userId}, ${smaller})`;
  expect(await readLimits(caller)).toMatchObject({
    plan: { id: larger },
    nextPlan: { id: smaller, at: instant },
  });
});

describe("a balance", () => {
  const read = async (caller: { token: string }) => {
    const { status, body } = await account.get<Balance>(caller, "/balance");
    expect(status).toBe(200);
    return body;
  };

  test("has the month's budget, with what is used, held and left of it", async () => {
    const caller = await signUpCaller(sql, {
      limits: [{ unit: "nano_usd", window: "month", amount: 1_000_000_000 }],
    });
    const { result } = await chats.ask(caller, { message: "Hello" });
    const held = await account.placeHold({ userId: caller.userId, costNano: 250 });
    expect(held.status).toBe(201);
    expect(await read(caller)).toEqual({
      plan: { id: caller.planId, name: "Test" },
      budget: {
        limitNano: 1_000_000_000,
        usedNano: result.costNano,
        heldNano: 250,
        creditedNano: 0,
        leftNano: 1_000_000_000 - result.costNano - 250,
        resetsAt: instant,
      },
      credits: { leftNano: 0, grants: [] },
    });
  });

  test("of a plan without a budget has none", async () => {
    const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 5 }] });
    expect(await read(caller)).toMatchObject({ budget: null });
  });

  test("has the credits that are left, in the order in which they are consumed", async () => {
    const caller = await signUpCaller(sql, { limits: [{ unit: "nano_usd", window: "month", amount: 100 }] });
    const grant = async (source: string, amount: number, priority: number, expiresAt: string) => {
      const [row] = await sql<{ id: string }[]>`
        select private.grant_credit(
          ${caller.userId}, ${source}, ${randomUUID()}, ${amount}, ${priority}::smallint, ${expiresAt}::text::timestamptz
        ) as id`;
      return row?.id;
    };
    const bought = await grant("purchase", 5000, 1, "infinity");
    const given = await grant("promotion", 300, 0, "2099-01-01T00:00:00Z");
    await grant("promotion", 700, 0, "2020-01-01T00:00:00Z");

    // A hundred come from the budget, three hundred from the promotion, and the rest from what was bought.
    const { body } = await account.placeHold({ userId: caller.userId, costNano: 500 });
    await account.settleHold(body.id, { costNano: 500 });
    const { budget, credits } = await read(caller);
    expect(budget).toMatchObject({
      limitNano: 100,
      usedNano: 500,
      creditedNano: 400,
      heldNano: 0,
      leftNano: 0,
    });
    expect(credits).toEqual({
      leftNano: 4900,
      grants: [
        {
          ...{ id: bought, sourceKind: "purchase", amountNano: 5000, leftNano: 4900, priority: 1 },
          ...{ expiresAt: null, createdAt: instant },
        },
      ],
    });
    expect(credits.grants.map(({ id }) => id)).not.toContain(given);
  });
});
