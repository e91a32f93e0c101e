import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import type { Conversation, StoredMessage } from "../../../shared/database/conversations.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readRest, waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";
import { makeModel } from "../../support/test-models.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

interface Read {
  conversation: Conversation;
  messages: StoredMessage[];
}

test("a list of messages with an answer among them is charged and stored like any other", async () => {
  const caller = await signUpCaller(sql);
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello" },
    { role: "assistant", content: "Hello. What is it?" },
    { role: "user", content: `What comes next? ${randomUUID()}` },
  ];
  const { status, result } = await chats.ask(caller, { messages });
  expect(status).toBe(200);
  expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([{ outcome: "completed" }]);

  const { body } = await chats.request<Read>(caller, "GET", `/conversations/${result.conversationId}`);
  expect(body.messages).toMatchObject([
    ...messages.map((message) => ({ ...message, finishReason: null, model: null })),
    { role: "assistant", content: result.content, finishReason: "stop", model: caller.modelId },
  ]);
});

test("a chat whose caller is deleted meanwhile is charged all the same", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
  const { events } = await chats.open(caller, { message: "Hello" });
  const { apiUrl, secretKey } = inject("stack");
  const deleted = await fetch(`${apiUrl}/auth/v1/admin/users/${caller.userId}`, {
    method: "DELETE",
    headers: { apikey: secretKey, authorization: `Bearer ${secretKey}` },
  });
  expect(deleted.status).toBe(200);
  await provider.release(hold);
  expect((await readRest(events)).at(-1)?.type).toBe("done");
  expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([
    { outcome: "completed", estimated: false, output_tokens: 50 },
  ]);
});

test("a conversation can be used as soon as a client knows its id", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}` });
  const first = await chats.open(caller, { message: "The first question" });
  const { conversationId } = (await waitForEvent(first.events, "start")).data as { conversationId: string };
  const before = await chats.request<Read>(caller, "GET", `/conversations/${conversationId}`);
  expect(before.body).toMatchObject({
    conversation: { title: "The first question", messageCount: 0 },
    messages: [],
  });

  const second = await chats.open(caller, { message: "The second question", conversationId });
  await provider.release(hold);
  for (const { events } of [first, second]) expect((await readRest(events)).at(-1)?.type).toBe("done");
  const after = await chats.request<Read>(caller, "GET", `/conversations/${conversationId}`);
  expect(after.body.messages.map(({ position, role }) => [position, role])).toEqual([
    [1, "user"],
    [2, "assistant"],
    [3, "user"],
    [4, "assistant"],
  ]);
});

test("a chat that comes to nothing leaves no conversation behind", async () => {
  const caller = await signUpCaller(sql, { simulate: "status=400" });
  expect((await chats.ask(caller, { message: "Hello" })).status).toBe(400);
  await expect
    .poll(() => sql`select state from private.holds where user_id = ${caller.userId}`)
    .toEqual([{ state: "settled" }]);
  const { body } = await chats.request<{ conversations: Conversation[] }>(caller, "GET", "/conversations");
  expect(body.conversations).toEqual([]);
});

test("a conversation stays while another chat goes on in it, though the chat that began it came to nothing", async () => {
  const slow = randomUUID();
  const caller = await signUpCaller(sql, { simulate: "latency=3000;status=400" });
  const model = await makeModel(sql, { simulate: `hold=${slow}` });
  await sql`insert into private.plan_models (plan_id, model_id) values (${caller.planId}, ${model})`;
  const marker = randomUUID();
  const refused = chats.ask(caller, { message: marker });
  const readIds = () =>
    sql<[{ id: string }]>`select id from public.conversations where user_id = ${caller.userId}`;
  await expect.poll(readIds).toHaveLength(1);
  const [{ id }] = await readIds();
  const second = await chats.open(caller, { message: "Hello", conversationId: id, model });
  expect((await refused).status).toBe(400);
  await expect
    .poll(() => sql`select from private.holds where user_id = ${caller.userId} and state = 'settled'`)
    .toHaveLength(1);
  await provider.release(slow);
  expect((await readRest(second.events)).at(-1)?.type).toBe("done");
  const { body } = await chats.request<Read>(caller, "GET", `/conversations/${id}`);
  expect(body.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
});

test("an estimate never costs more than was held", async () => {
  // The simulator's words are longer than four bytes, and nothing says how many tokens they were.
  const budget = { unit: "nano_usd" as const, window: "month" as const, amount: 700_000 };
  const caller = await signUpCaller(sql, { simulate: "usage=none;tokens=1000", limits: [budget] });
  const { status, result } = await chats.ask(caller, { message: "Hello", options: { maxTokens: 1000 } });
  expect([status, result.usage.outputTokens]).toEqual([200, 1000]);
  const [window] = (await readMetering(sql, caller.userId)).windows;
  expect(window?.used).toBeLessThanOrEqual(budget.amount);
});

test("a model that may write its whole context still gets what was said before", async () => {
  const caller = await signUpCaller(sql, { contextTokens: 8000, maxOutputTokens: 8000 });
  const { result } = await chats.ask(caller, { message: "Remember this" });
  const marker = randomUUID();
  await chats.ask(caller, { message: marker, conversationId: result.conversationId });
  expect((await provider.findCalls(marker))[0]?.prompt).toContain("Remember this");
});

test("the answer is asked for no longer than the context has room beside the prompt", async () => {
  const marker = randomUUID();
  const caller = await signUpCaller(sql, { contextTokens: 2000, maxOutputTokens: 1800 });
  const message = marker.padEnd(2400, ".");
  expect((await chats.ask(caller, { message, stream: false })).status).toBe(200);
  // Of 2,400 bytes at three a token.
  expect(await provider.findCalls(marker)).toMatchObject([{ maxTokens: 1200 }]);
});
