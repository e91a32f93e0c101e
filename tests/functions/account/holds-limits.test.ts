import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAccountClient } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUpCaller } from "../../support/people.ts";
import { readCounters } from "../../support/read-metering.ts";

const sql = connectDatabase();
const account = createAccountClient();
const chats = createChatClient();

test("services and chats take from the same limits", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 2 }] });
  await chats.ask(caller, { message: "Hello" });
  const { id } = (await account.placeHold({ userId: caller.userId })).body;
  expect((await chats.ask(caller, { message: "Again" })).status).toBe(402);
  const refused = await account.placeHold({ userId: caller.userId });
  expect([refused.status, refused.body.error]).toEqual([
    402,
    expect.objectContaining({
      ...{ type: "insufficient_quota", code: "quota_exceeded", param: null },
      limit: expect.objectContaining({ owner: "caller", unit: "requests", limit: 2, used: 1, held: 1 }),
    }),
  ]);
  await account.releaseHold(id);
  expect((await chats.ask(caller, { message: "Again" })).status).toBe(200);
});

test("a limit can be of one service, and of what runs at once", async () => {
  const caller = await signUpCaller(sql, {
    limits: [
      { unit: "tokens", window: "day", amount: 100, provider: "images" },
      { unit: "concurrent", window: "instant", amount: 2 },
    ],
  });
  const { userId } = caller;
  const tooMuch = await account.placeHold({ userId, tokens: 101 });
  expect([tooMuch.status, tooMuch.body.error.message]).toEqual([
    402,
    expect.stringMatching(
      /^What is left of the plan's tokens of this day for the provider images does not cover/,
    ),
  ]);
  const first = await account.placeHold({ userId, tokens: 101, service: "speech" });
  expect([first.status, (await account.placeHold({ userId, tokens: 100 })).status]).toEqual([201, 201]);

  const third = await account.placeHold({ userId });
  expect([third.status, third.headers.get("retry-after"), third.body.error]).toEqual([
    429,
    "2",
    expect.objectContaining({
      code: "rate_limited",
      message: "Too many requests at once: the plan allows 2. Wait for one to finish and try again.",
      limit: expect.objectContaining({ unit: "concurrent", window: "instant", limit: 2, resetsAt: null }),
    }),
  ]);
  await account.settleHold(first.body.id, { costNano: 0 });
  expect((await account.placeHold({ userId })).status).toBe(201);
});

test("a limit of 10 and 64 services at once: exactly 10 hold", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 10 }] });
  const answers = await Promise.all(
    Array.from({ length: 64 }, () => account.placeHold({ userId: caller.userId })),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(10);
  expect(statuses.filter((status) => status === 402)).toHaveLength(54);
  expect(await readCounters(sql, caller.userId)).toEqual({ requests: { used: 0, held: 10 } });
});

test("64 times 75 tokens of 500: exactly 6 hold", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "tokens", window: "day", amount: 500 }] });
  const answers = await Promise.all(
    Array.from({ length: 64 }, () => account.placeHold({ userId: caller.userId, tokens: 75 })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(6);
  expect(await readCounters(sql, caller.userId)).toEqual({ tokens: { used: 0, held: 450 } });
});

const limits = [
  { unit: "requests", window: "day", amount: 5 },
  { unit: "tokens", window: "day", amount: 1000 },
  { unit: "nano_usd", window: "month", amount: 50_000 },
] as const;

describe("with an Idempotency-Key", () => {
  test("64 copies of one request are one hold", async () => {
    const caller = await signUpCaller(sql, { limits: [...limits] });
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => account.placeHold({ userId: caller.userId, tokens: 10 }, key)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(63);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    for (const { status, headers } of answers)
      expect(headers.get("idempotent-replayed")).toBe(status === 200 ? "true" : null);
    expect(await readCounters(sql, caller.userId)).toMatchObject({
      requests: { held: 1 },
      tokens: { held: 10 },
    });
  });

  test("a repeated request is told how its hold stands by then", async () => {
    const caller = await signUpCaller(sql, { limits: [...limits] });
    const key = "order-7";
    const first = await account.placeHold({ userId: caller.userId, tokens: 10 }, key);
    await account.settleHold(first.body.id, { costNano: 5 });
    const again = await account.placeHold({ userId: caller.userId, tokens: 10 }, key);
    expect([again.status, again.body.id, again.body.state]).toEqual([200, first.body.id, "settled"]);
    expect(await readCounters(sql, caller.userId)).toMatchObject({ requests: { used: 1, held: 0 } });
  });

  test("what was released stays released: a late copy of the request holds nothing", async () => {
    const caller = await signUpCaller(sql, { limits: [...limits] });
    const key = randomUUID();
    const first = await account.placeHold({ userId: caller.userId, tokens: 10 }, key);
    await account.releaseHold(first.body.id);
    const late = await account.placeHold({ userId: caller.userId, tokens: 10 }, key);
    expect([late.status, late.body.id, late.body.state]).toEqual([200, first.body.id, "settled"]);
    expect(await readCounters(sql, caller.userId)).toMatchObject({ requests: { used: 0, held: 0 } });
  });

  test("another request under the same key is refused, and another person's is another one", async () => {
    const [caller, other] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
    const key = randomUUID();
    await account.placeHold({ userId: caller.userId, tokens: 10 }, key);
    const { status, body } = await account.placeHold({ userId: caller.userId, tokens: 11 }, key);
    expect([status, body.error]).toEqual([
      422,
      {
        type: "invalid_request_error",
        code: "idempotency_mismatch",
        param: "Idempotency-Key",
        message: "This Idempotency-Key was used with another body: take a new key.",
      },
    ]);
    expect((await account.placeHold({ userId: other.userId, tokens: 11 }, key)).status).toBe(201);
  });

  test("a refusal is not remembered: the same request may succeed later", async () => {
    const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
    const key = randomUUID();
    const { id } = (await account.placeHold({ userId: caller.userId })).body;
    expect((await account.placeHold({ userId: caller.userId }, key)).status).toBe(402);
    await account.releaseHold(id);
    expect((await account.placeHold({ userId: caller.userId }, key)).status).toBe(201);
  });
});
