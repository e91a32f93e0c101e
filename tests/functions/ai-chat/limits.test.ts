import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { setPlan, signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";
import { makeModel, makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

test("a request beyond the day's limit gets 402 with what ran out, when it resets and which plan would help", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
  const scarce = [{ unit: "requests", window: "day", amount: 1 }] as const;
  const wide = [{ unit: "requests", window: "day", amount: 2 }] as const;
  const models = [caller.modelId];
  await makePlan(sql, { models, limits: [...scarce] });
  const helpful = await makePlan(sql, { models, limits: [...wide] });
  await makePlan(sql, { models, limits: [] });
  await chats.ask(caller, { message: "The first" });
  const before = await readMetering(sql, caller.userId);

  const marker = randomUUID();
  const answers = [
    await chats.ask(caller, { message: marker }),
    await chats.ask(caller, { message: marker, stream: true }),
  ];
  const midnight = new Date();
  midnight.setUTCHours(24, 0, 0, 0);
  const resetsAt = midnight.toISOString();
  for (const { status, headers, error } of answers) {
    expect(status).toBe(402);
    expect(headers.get("x-request-id")).toBeTruthy();
    expect(error).toEqual({
      type: "insufficient_quota",
      code: "quota_exceeded",
      param: null,
      message: `What is left of the plan's requests of this day does not cover this request. It resets at ${resetsAt}; the plan "${helpful}" would allow it.`,
      limit: {
        owner: "caller",
        scope: "all",
        scopeId: "",
        unit: "requests",
        window: "day",
        limit: 1,
        used: 1,
        held: 0,
        resetsAt,
      },
      upgrade: helpful,
    });
  }
  expect(await readMetering(sql, caller.userId)).toEqual(before);
  expect(await provider.findCalls(marker)).toEqual([]);
});

test("a budget that is used up says so, and names no plan where none would help", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "nano_usd", window: "month", amount: 10 }] });
  const { status, error } = await chats.ask(caller, { message: "Too dear" });
  expect(status).toBe(402);
  expect(error).toMatchObject({
    upgrade: null,
    message: expect.stringMatching(
      /^What is left of the plan's budget of this month does not cover this request\. It resets at /,
    ),
    limit: { unit: "nano_usd", window: "month", limit: 10, used: 0, held: 0 },
  });
  expect(await readMetering(sql, caller.userId)).toEqual({ holds: [], ledger: [], windows: [] });
});

test("of two limits that are used up the one that resets last is named, and a plan that would help with both", async () => {
  const day = { unit: "requests", window: "day" } as const;
  const month = { unit: "requests", window: "month" } as const;
  const caller = await signUpCaller(sql, {
    limits: [
      { ...day, amount: 0 },
      { ...month, amount: 0 },
    ],
  });
  const models = [caller.modelId];
  await makePlan(sql, { models, limits: [{ ...day, amount: 0 }] });
  const helpful = await makePlan(sql, { models, limits: [{ ...day, amount: 5 }] });
  const { error } = await chats.ask(caller, { message: "Hello" });
  expect(error).toMatchObject({ limit: { window: "month" }, upgrade: helpful });
});

test("requests that come too fast get 429 with Retry-After, and cost nothing", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "minute", amount: 2 }] });
  expect((await chats.ask(caller, { message: "One" })).status).toBe(200);
  expect((await chats.ask(caller, { message: "Two" })).status).toBe(200);
  const before = await readMetering(sql, caller.userId);
  const marker = randomUUID();
  const { status, headers, error } = await chats.ask(caller, { message: marker });

  expect(status).toBe(429);
  const seconds = Number(headers.get("retry-after"));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(30);
  expect(error).toEqual({
    type: "rate_limit_error",
    code: "rate_limited",
    param: null,
    message: `Too fast: the plan allows 2 requests a minute. Wait ${seconds} s and try again.`,
    limit: {
      owner: "caller",
      scope: "all",
      scopeId: "",
      unit: "requests",
      window: "minute",
      limit: 2,
      resetsAt: expect.any(String),
    },
  });
  expect(await readMetering(sql, caller.userId)).toEqual(before);
  expect(await provider.findCalls(marker)).toEqual([]);

  // As if half a minute had passed.
  await sql`update private.request_rates set next_at = next_at - interval '30 seconds' where user_id = ${caller.userId}`;
  expect((await chats.ask(caller, { message: "Three" })).status).toBe(200);
  expect((await chats.ask(caller, { message: "Four" })).status).toBe(429);
});

test("a limit of 10 requests a day and 64 requests at once: exactly 10 are let through and charged", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 10 }] });
  const marker = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 64 }, () => chats.ask(caller, { message: marker, options: { maxTokens: 5 } })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([
    ...Array(10).fill(200),
    ...Array(54).fill(402),
  ]);
  const { ledger, windows } = await readMetering(sql, caller.userId);
  expect(ledger).toHaveLength(10);
  expect(windows).toMatchObject([{ unit: "requests", used: 10, held: 0 }]);
  expect(await provider.findCalls(marker)).toHaveLength(10);
});

test("money for 5 answers and 20 requests at once: exactly 5 are let through while none has come back", async () => {
  const hold = randomUUID();
  // A prompt of 36 bytes is held as 68 tokens at most (32 for framing), the answer as 32: 100 tokens.
  const caller = await signUpCaller(sql, {
    simulate: `hold=${hold}`,
    inputUsd: "0.000001",
    outputUsd: "0.000001",
    limits: [{ unit: "nano_usd", window: "month", amount: 599_999 }],
  });
  const marker = randomUUID();
  const asking = Array.from({ length: 20 }, () =>
    chats.ask(caller, { message: marker, options: { maxTokens: 32 } }),
  );
  let refused = 0;
  await new Promise<void>((resolve) => {
    for (const each of asking) each.then(({ status }) => status === 402 && ++refused === 15 && resolve());
  });
  const held = await readMetering(sql, caller.userId);
  expect(held.windows).toMatchObject([{ used: 0, held: 500_000 }]);
  await provider.release(hold);

  const answers = await Promise.all(asking);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(5).fill(200), ...Array(15).fill(402)]);
  const { ledger, windows } = await readMetering(sql, caller.userId);
  expect(ledger).toHaveLength(5);
  const spent = ledger.reduce((sum, { cost_nano }) => sum + cost_nano, 0);
  expect(windows).toMatchObject([{ used: spent, held: 0 }]);
});

test("a budget that is nearly used up makes the answer shorter and does not refuse it", async () => {
  const options = { simulate: "tokens=3000", inputUsd: "0.000001", outputUsd: "0.000001" };
  const caller = await signUpCaller(sql, {
    ...options,
    limits: [{ unit: "nano_usd", window: "month", amount: 200_000 }],
  });
  const marker = randomUUID();
  const { status, result } = await chats.ask(caller, { message: marker });
  // 200 tokens less the 68 that the prompt may cost at most.
  expect((await provider.findCalls(marker))[0]?.maxTokens).toBe(132);
  expect([status, result.finishReason, result.usage.outputTokens]).toEqual([200, "length", 132]);
});

test("what is left for fewer than 64 tokens is refused, because so short an answer is of no use", async () => {
  const caller = await signUpCaller(sql, {
    inputUsd: "0.000001",
    outputUsd: "0.000001",
    limits: [{ unit: "nano_usd", window: "month", amount: 68_000 + 63_999 }],
  });
  expect((await chats.ask(caller, { message: randomUUID() })).status).toBe(402);
  const short = await chats.ask(caller, { message: randomUUID(), options: { maxTokens: 63 } });
  expect(short.status).toBe(200);
});

test("a limit of one model leaves the others alone", async () => {
  const [dear, cheap] = await Promise.all([makeModel(sql), makeModel(sql)]);
  const planId = await makePlan(sql, {
    models: [cheap, dear],
    limits: [
      { unit: "requests", window: "day", amount: 1, model: dear },
      { unit: "requests", window: "day", amount: 10 },
    ],
  });
  const person = await signUp();
  await setPlan(sql, person.userId, planId);
  expect((await chats.ask(person, { message: "Hello", model: dear })).status).toBe(200);
  const refused = await chats.ask(person, { message: "Hello", model: dear });
  expect([refused.status, refused.error.limit]).toMatchObject([402, { scope: "model", scopeId: dear }]);
  expect((await chats.ask(person, { message: "Hello", model: cheap })).status).toBe(200);
});
