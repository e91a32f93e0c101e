import { describe, expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { type Caller, setPlan, signUpCaller } from "../support/people.ts";
import { readMetering } from "../support/read-metering.ts";
import { makeModel, makePlan } from "../support/test-models.ts";

const sql = connectDatabase();
const extend = (holdId: string) => callDatabase<boolean>("extend_chat", { hold_id: holdId });

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
    expect([await extend(holdId), await extend(holdId), await extend(holdId)]).toEqual([true, true, false]);
    expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ held: 3 * 92 }]);
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
