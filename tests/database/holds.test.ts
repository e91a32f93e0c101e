import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { type Caller, setPlan, signUpCaller } from "../support/people.ts";
import { readMetering } from "../support/read-metering.ts";
import { type LimitOptions, makeModel, makePlan } from "../support/test-models.ts";

const sql = connectDatabase();
const extend = (holdId: string, calls = 2, providerCalls = calls) =>
  callDatabase<boolean>("extend_chat", {
    hold_id: holdId,
    calls,
    provider: "openai",
    provider_calls: providerCalls,
  });

async function begin(caller: Caller, extra: Record<string, unknown> = {}): Promise<string> {
  const item = itemFor(caller, extra);
  const [decision] = await callDatabase<[{ refusal?: string }]>("begin_chats", { items: [item] });
  expect(decision.refusal).toBeUndefined();
  return item.hold_id;
}

/** So many tokens a day. A chat of these tests holds 92 a call: 10 bytes, 32 of framing and 50 of answer. */
const tokensOf = (amount: number) => [{ unit: "tokens" as const, window: "day" as const, amount }];

describe("another call of a chat is held for", () => {
  test("as long as the limits cover it, once more each time", async () => {
    const caller = await signUpCaller(sql, { limits: tokensOf(3 * 92) });
    const holdId = await begin(caller);
    expect([await extend(holdId, 2), await extend(holdId, 3), await extend(holdId, 4)]).toEqual([
      true,
      true,
      false,
    ]);
    expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ held: 3 * 92 }]);
  });

  test("and once, however often it is asked for", async () => {
    const caller = await signUpCaller(sql, { limits: tokensOf(2 * 92) });
    const holdId = await begin(caller);
    expect([await extend(holdId), await extend(holdId)]).toEqual([true, true]);
    expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ held: 2 * 92 }]);
  });

  test("where another provider's limit is used up, that is no hindrance", async () => {
    const limited = (provider: string) => ({ ...tokensOf(92)[0], provider }) as LimitOptions;
    const caller = await signUpCaller(sql, {
      routes: [{ provider: "openai" }, { provider: "groq" }],
      limits: [limited("openai"), limited("groq")],
    });
    const holdId = await begin(caller);
    const to = (provider: string, calls: number, provider_calls: number) =>
      callDatabase<boolean>("extend_chat", { hold_id: holdId, calls, provider, provider_calls });
    expect([await to("groq", 2, 1), await to("openai", 2, 2), await to("groq", 3, 2)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each([
    ["not by a plan that was left for a poorer one", 1000, 100, false],
    ["by a plan that was taken for a richer one", 100, 1000, true],
  ])("%s: the plan of now counts", async (_what, before, after, expected) => {
    const caller = await signUpCaller(sql, { limits: tokensOf(before) });
    const holdId = await begin(caller);
    await setPlan(
      sql,
      caller.userId,
      await makePlan(sql, { models: [caller.modelId], limits: tokensOf(after) }),
    );
    expect(await extend(holdId)).toBe(expected);
    expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ held: expected ? 184 : 92 }]);
  });

  test("by a limit whose day is over no longer: it counts as begun anew, whoever was there to do it", async () => {
    const caller = await signUpCaller(sql, { limits: tokensOf(100) });
    const holdId = await begin(caller);
    await sql`
      update private.usage_windows set period_start = now() - interval '1 day', period_end = now() - interval '1 second'
      where user_id = ${caller.userId}`;
    expect(await extend(holdId)).toBe(true);
  });
});

describe("a hold whose function never reported back is charged", () => {
  const expire = async (caller: Caller, holdId: string) => {
    await sql`update private.holds set expires_at = now() - interval '1 second' where id = ${holdId}`;
    await begin(caller);
    const { ledger } = await readMetering(sql, caller.userId);
    return ledger.filter(({ hold_id }) => hold_id === holdId);
  };
  const write = (holdId: string, part: number, content: string, reasoning: string) =>
    callDatabase("save_reply_parts", {
      items: [{ hold_id: holdId, part, attempt: 1, content, reasoning, tool_calls: null }],
    });

  test("its prompt for each call that was held for", async () => {
    const caller = await signUpCaller(sql);
    const holdId = await begin(caller);
    await extend(holdId);
    // 10 bytes are 3 tokens, with 7 of framing.
    expect(await expire(caller, holdId)).toMatchObject([
      { outcome: "expired", estimated: true, input_tokens: 2 * 10, output_tokens: 0 },
    ]);
  });

  test("what was written down of its answer, thoughts too, about 4 bytes a token", async () => {
    const caller = await signUpCaller(sql);
    const holdId = await begin(caller);
    await write(holdId, 1, "Grüße", "Hm.");
    await write(holdId, 2, "!", "");
    expect(await expire(caller, holdId)).toMatchObject([{ input_tokens: 10, output_tokens: 3 }]);
  });

  test("and never more than was held", async () => {
    const caller = await signUpCaller(sql, { limits: tokensOf(2 * 92) });
    const holdId = await begin(caller);
    await write(holdId, 1, "x".repeat(10_000), "");
    expect(await expire(caller, holdId)).toMatchObject([{ input_tokens: 10, output_tokens: 50 }]);
  });
});

test("many long texts are embedded by a model with a large context: what can be billed has no bounds of a number", async () => {
  const caller = await signUpCaller(sql, { contextTokens: 2_000_000, outputModalities: ["embeddings"] });
  const holdId = await begin(caller, {
    output_modality: "embeddings",
    prompt_bytes: 1_000_000,
    prompt_messages: 2048,
    max_output_tokens: null,
  });
  const [hold] = await sql`select prompt_tokens from private.holds where id = ${holdId}`;
  expect(hold?.prompt_tokens).toBe(1_000_000 + 2048 * 16 + 16);
});

test("no model is given longer for its first token than the platform gives a request", async () => {
  await makeModel(sql, { firstTokenMs: 140_000 });
  await expect(makeModel(sql, { firstTokenMs: 140_001 })).rejects.toThrow(/first_token_ms/);
});

test.each(["requests", "tokens", "nano_usd"] as const)(
  "a provider whose %s are used up does not make a chat with another one dearer",
  async (unit) => {
    const caller = await signUpCaller(sql, {
      routes: [{ provider: "groq", inputUsd: "0.001", outputUsd: "0.001" }, { provider: "openai" }],
      limits: [
        { unit, window: "day", amount: 0, provider: "groq" },
        // 42 tokens at most of a prompt, and 50 of an answer, at the prices of the other.
        { unit: "nano_usd", window: "month", amount: 42 * 150 + 50 * 600 },
      ],
    });
    const holdId = await begin(caller);
    const [hold] = await sql`select max_output_tokens from private.holds where id = ${holdId}`;
    expect(hold?.max_output_tokens).toBe(50);
  },
);

test("a provider that the project has used up does not either", async () => {
  const provider = `test-${randomUUID().slice(0, 18)}`;
  await sql`
    insert into private.project_limits (scope, scope_id, unit, "window", amount) values ('provider', ${provider}, 'requests', 'day', 0)`;
  onTestFinished(async () => {
    await sql`delete from private.project_limits where scope_id = ${provider}`;
  });
  const caller = await signUpCaller(sql, {
    routes: [{ provider, inputUsd: "0.001", outputUsd: "0.001" }, { provider: "openai" }],
    limits: [{ unit: "nano_usd", window: "month", amount: 42 * 150 + 50 * 600 }],
  });
  // The slots are made with the first.
  for (const time of ["first", "second"]) {
    const holdId = await begin(caller);
    const [hold] = await sql`select max_output_tokens from private.holds where id = ${holdId}`;
    expect([time, hold?.max_output_tokens]).toEqual([time, 50]);
    await callDatabase("settle_chats", { items: [{ hold_id: holdId, charges: [], messages: [] }] });
  }
});

test("the largest limit is 2^53 - 1, of which everything goes on as of any other; a larger one is refused", async () => {
  const largest = Number.MAX_SAFE_INTEGER;
  const limitOf = (amount: number) => [{ unit: "nano_usd" as const, window: "month" as const, amount }];
  const caller = await signUpCaller(sql, { limits: limitOf(largest) });
  const holdId = await begin(caller);
  const [settled] = await callDatabase<[{ limits: unknown[] }]>("settle_chats", {
    items: [{ hold_id: holdId, charges: [], messages: [] }],
  });
  expect(settled.limits).toMatchObject([{ limit: largest, used: 0, held: 0 }]);
  await expect(sql`
    insert into private.limit_overrides (user_id, unit, "window", amount, expires_at)
    values (${caller.userId}, 'tokens', 'day', 9007199254740992, 'infinity')
  `).rejects.toThrow(/amount/);
});

test("a richer plan's rate counts at once, with the requests that were made", async () => {
  const perMinute = (amount: number) => [{ unit: "requests" as const, window: "minute" as const, amount }];
  const caller = await signUpCaller(sql, { limits: perMinute(2) });
  await begin(caller);
  await begin(caller);
  const richer = await makePlan(sql, { models: [caller.modelId], limits: perMinute(60) });
  await setPlan(sql, caller.userId, richer);
  const { limits } = await callDatabase<{ limits: { used: number; limit: number }[] }>("get_limits", {
    user_id: caller.userId,
  });
  expect(limits).toMatchObject([{ used: 2, limit: 60 }]);
  await begin(caller);
});

test("a rate that is lowered makes nobody wait for more than its minute", async () => {
  const perMinute = (amount: number) => [{ unit: "requests" as const, window: "minute" as const, amount }];
  const caller = await signUpCaller(sql, { limits: perMinute(30) });
  for (let time = 0; time < 30; time++) await begin(caller);
  const poorer = await makePlan(sql, { models: [caller.modelId], limits: perMinute(2) });
  await setPlan(sql, caller.userId, poorer);
  const ask = () =>
    callDatabase<[{ refusal: string; detail: { retry_after_ms: number } }]>("begin_chats", {
      items: [itemFor(caller)],
    });
  const [[first], [second]] = [await ask(), await ask()];
  expect(first.refusal).toBe("SL429");
  expect(first.detail.retry_after_ms).toBeLessThanOrEqual(30_000);
  // Time runs from the first: it is not worked out anew each time.
  expect(second.detail.retry_after_ms).toBeLessThan(first.detail.retry_after_ms);
});

test("an estimate that was refunded is an estimate still", async () => {
  const caller = await signUpCaller(sql);
  const holdId = await begin(caller);
  const [{ price_id }] = await sql<
    [{ price_id: number }]
  >`select price_ids[1] as price_id from private.holds where id = ${holdId}`;
  const charge = { attempt: 1, price_id, outcome: "interrupted", output_bytes: 40 };
  const settle = () =>
    callDatabase<[{ estimated: boolean; cost_nano: number }]>("settle_chats", {
      items: [{ hold_id: holdId, charges: [charge], messages: [] }],
    });
  const [before] = await settle();
  await sql`select private.refund_charge(${holdId}, 1::smallint, 10)`;
  const [after] = await settle();
  expect([before.estimated, after.estimated, before.cost_nano - after.cost_nano]).toEqual([true, true, 10]);
});

test("a prompt is held for as large as some provider takes it, whatever the model is said to take", async () => {
  const routes = [{}, { provider: "google", contextTokens: 5000 }, { provider: "groq", contextTokens: 300 }];
  const caller = await signUpCaller(sql, { contextTokens: 1000, maxOutputTokens: 100, routes });
  const holdId = await begin(caller, { prompt_bytes: 20_000 });
  expect(await sql`select prompt_tokens from private.holds where id = ${holdId}`).toEqual([
    { prompt_tokens: 5000 },
  ]);
});
