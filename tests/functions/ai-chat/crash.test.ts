import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

/** Has a function die in the middle of somebody's answer. Returns the hold that it left behind. */
async function die(caller: Caller, message: string): Promise<string> {
  const instance = await startExtraFunction();
  const { events } = await createChatClient(instance.url).open(caller, { message });
  const { data } = await waitForEvent(events, "start");
  await waitForEvent(events, "chunk");
  await instance.kill();
  await provider.waitForCall(message, "aborted");
  return data.id;
}

/** As if its ten minutes were over. */
async function letExpire(holdId: string): Promise<void> {
  await sql`update private.holds set expires_at = now() - interval '1 second' where id = ${holdId}`;
}

/** Settles as a function does that was thought dead. */
async function settleLate(item: Record<string, unknown>): Promise<Record<string, unknown>[]> {
  const { apiUrl, secretKey } = inject("stack");
  const response = await fetch(`${apiUrl}/rest/v1/rpc/settle_chats`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify({ items: [item] }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>[];
}

test("a function that is killed leaves a hold, which the caller's next chat after its life releases", async () => {
  const caller = await signUpCaller(sql, {
    simulate: "tps=5;tokens=60",
    limits: [
      { unit: "requests", window: "day", amount: 2 },
      { unit: "nano_usd", window: "month", amount: 10_000_000 },
    ],
  });
  const message = randomUUID();
  const holdId = await die(caller, message);
  const left = await readMetering(sql, caller.userId);
  expect(left).toMatchObject({
    holds: [{ id: holdId, state: "pending" }],
    ledger: [],
    windows: [{ held: 1 }, {}],
  });
  expect(left.windows[1]?.held).toBeGreaterThan(0);

  await letExpire(holdId);
  const { status, result } = await chats.ask(caller, { message: "And now?", options: { maxTokens: 5 } });
  expect(status).toBe(200);
  const { holds, ledger, windows } = await readMetering(sql, caller.userId);
  expect(holds).toMatchObject([{ id: holdId, state: "expired" }, { state: "settled" }]);
  // The prompt was surely sent: a message of 36 bytes, 9 tokens and 7 of framing.
  expect(ledger).toMatchObject([
    {
      hold_id: holdId,
      attempt: 0,
      entry: "charge",
      outcome: "expired",
      estimated: true,
      input_tokens: 16,
      output_tokens: 0,
      cost_nano: 16 * 150,
    },
    { hold_id: result.id, outcome: "completed" },
  ]);
  expect(windows).toMatchObject([
    { unit: "requests", used: 2, held: 0 },
    { unit: "nano_usd", used: 16 * 150 + result.costNano, held: 0 },
  ]);
});

test("a hold whose life is not over still counts, however its function fares", async () => {
  const caller = await signUpCaller(sql, {
    simulate: "tps=5;tokens=60",
    limits: [{ unit: "requests", window: "day", amount: 1 }],
  });
  await die(caller, randomUUID());
  const { status, error } = await chats.ask(caller, { message: "Hello" });
  expect([status, error.limit]).toMatchObject([402, { used: 0, held: 1 }]);
});

test("a settlement that comes after the hold has expired replaces the estimate, and twice is once", async () => {
  const caller = await signUpCaller(sql, { simulate: "tps=5;tokens=60" });
  const message = randomUUID();
  const holdId = await die(caller, message);
  await letExpire(holdId);
  // Refused for its rate or not: any begin releases what has expired.
  await chats.ask(caller, { message: "Hello", options: { maxTokens: 1 } });
  const before = await readMetering(sql, caller.userId);
  const [priceId] = await sql<[{ id: number }]>`
    select unnest(price_ids) as id from private.holds where id = ${holdId}`;

  // The conversation that the chat had begun outlives it.
  const [conversation] = await sql<[{ id: string }]>`
    select id from public.conversations where user_id = ${caller.userId} order by created_at limit 1`;
  const conversationId = conversation.id;
  const item = {
    hold_id: holdId,
    conversation_id: conversationId,
    continues: false,
    messages: [
      { role: "user", content: message },
      { role: "assistant", content: "Late.", finish_reason: "stop" },
    ],
    charges: [
      {
        attempt: 1,
        price_id: priceId.id,
        outcome: "completed",
        output_bytes: 5,
        input_tokens: 11,
        cache_read_tokens: 2,
        cache_write_tokens: 3,
        output_tokens: 40,
        reasoning_tokens: 4,
      },
    ],
  };
  // At 150 nano-USD a token of input (75 when read from the cache) and 600 of output.
  const costNano = 11 * 150 + 2 * 75 + 3 * 150 + 40 * 600;
  const usage = {
    input_tokens: 11,
    cache_read_tokens: 2,
    cache_write_tokens: 3,
    output_tokens: 40,
    reasoning_tokens: 4,
  };
  const answers = [await settleLate(item), await settleLate(item)];
  for (const answer of answers)
    expect(answer).toMatchObject([
      { hold_id: holdId, is_known: true, usage, cost_nano: costNano, estimated: false },
    ]);

  const { holds, ledger, windows } = await readMetering(sql, caller.userId);
  expect(holds.find(({ id }) => id === holdId)).toMatchObject({ state: "settled" });
  const entries = ledger.filter(({ hold_id }) => hold_id === holdId);
  expect(entries).toMatchObject([
    { attempt: 0, entry: "charge", outcome: "expired", cost_nano: 2400 },
    { attempt: 0, entry: "correction", outcome: "expired", cost_nano: -2400, input_tokens: -16 },
    { attempt: 1, entry: "charge", outcome: "completed", estimated: false, cost_nano: costNano, ...usage },
  ]);
  const [requests, tokens, nanoUsd] = before.windows.map(({ used }) => used) as [number, number, number];
  expect(windows).toMatchObject([
    { unit: "requests", used: requests, held: 0 },
    { unit: "tokens", used: tokens - 16 + 56, held: 0 },
    { unit: "nano_usd", used: nanoUsd - 2400 + costNano, held: 0 },
  ]);
  const stored =
    await sql`select content from public.messages where conversation_id = ${conversationId} order by position`;
  expect([...stored]).toEqual([{ content: message }, { content: "Late." }]);
});

test("a settlement of nothing after the hold has expired gives the estimate and the request back", async () => {
  const caller = await signUpCaller(sql, { simulate: "tps=5;tokens=60" });
  const holdId = await die(caller, randomUUID());
  await letExpire(holdId);
  await chats.ask(caller, { message: "Hello", options: { maxTokens: 1 } });
  const { windows: before } = await readMetering(sql, caller.userId);
  await settleLate({ hold_id: holdId, conversation_id: holdId, continues: false, messages: [], charges: [] });
  const { windows } = await readMetering(sql, caller.userId);
  const [requests, tokens, nanoUsd] = before.map(({ used }) => used) as [number, number, number];
  expect(windows).toMatchObject([{ used: requests - 1 }, { used: tokens - 16 }, { used: nanoUsd - 2400 }]);
});

test("a settlement of a hold that there is not charges nothing, and says so", async () => {
  const holdId = randomUUID();
  const item = { hold_id: holdId, conversation_id: holdId, continues: false, messages: [], charges: [] };
  expect(await settleLate(item)).toMatchObject([{ hold_id: holdId, is_known: false, cost_nano: 0 }]);
});
