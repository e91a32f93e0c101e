import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { errorTable } from "../../../shared/domain/error-table.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { connectOpenAI } from "../../support/openai-client.ts";
import { type Caller, signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { joinText, readRest, waitForEvent } from "../../support/read-events.ts";
import { createReplyClient, joinReply } from "../../support/reply-client.ts";

const sql = connectDatabase();
const chats = createChatClient();
const replies = createReplyClient();
const provider = watchProvider();
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);

test("a request whose reply is not over yet is running, and then completed with what the answer said", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `tokens=20;hold=${hold}@5` });
  const { events } = await chats.open(caller, { message: "Tell me of tides." });
  const { data: start } = await waitForEvent(events, "start");
  await waitForEvent(events, "chunk");

  const running = await replies.find(caller, start.id);
  expect([running.status, running.body]).toEqual([
    200,
    {
      id: start.id,
      state: "running",
      conversationId: start.conversationId,
      model: caller.modelId,
      provider: null,
      attempts: null,
      content: "",
      reasoning: "",
      toolCalls: [],
      continuation: null,
      finishReason: null,
      usage: null,
      costNano: null,
      estimated: null,
      createdAt: time,
    },
  ]);

  await provider.release(hold);
  const { data: done } = await waitForEvent(events, "done");
  const { rows } = await readAnswer(start.id);
  expect((await replies.find(caller, start.id)).body).toEqual({
    ...running.body,
    state: "completed",
    provider: "openai",
    attempts: 1,
    content: rows[0]?.content,
    finishReason: "stop",
    usage: done.usage,
    costNano: done.costNano,
    estimated: false,
  });
  expect(rows[0]?.content).toMatch(/^You said: Tell me of tides\./);
});

test("an answer in one piece can be asked for again, by the id in its header and as often as one likes", async () => {
  const caller = await signUpCaller(sql);
  const message = randomUUID();
  const { result, headers } = await chats.ask(caller, { message });
  const id = headers.get("x-request-id") as string;
  for (const name of [id, id.toUpperCase()]) {
    const { content, usage, costNano, finishReason } = result;
    expect((await replies.find(caller, name)).body).toMatchObject({
      ...{ id, state: "completed", content, usage, costNano, finishReason },
    });
  }
  expect(await provider.findCalls(message)).toHaveLength(1);
});

test("a request that failed says so, and that it cost nothing", async () => {
  const caller = await signUpCaller(sql, { simulate: "status=400" });
  const { status, headers } = await chats.ask(caller, { message: "Hello" });
  expect(status).toBe(400);
  const id = headers.get("x-request-id") as string;
  await expect
    .poll(async () => (await replies.find(caller, id)).body)
    .toMatchObject({ id, state: "failed", content: "", usage: null, costNano: null, attempts: null });
  const events = await replies.resume(caller, id);
  expect(events).toMatchObject([
    { type: "start" },
    { type: "error", data: { error: { code: "provider_failed" } } },
  ]);
});

test("a reply that broke off is interrupted, with what arrived and what that cost", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=30;cut=12" });
  const events = await chats.stream(caller, { message: "Hello" });
  const [start, last] = [events[0], events.at(-1)];
  if (start?.type !== "start" || last?.type !== "error") throw new Error("the stream is another one");
  const { usage, costNano } = last.data.error;
  expect(joinText(events)).toMatch(/^You said: Hello/);
  expect((await replies.find(caller, start.data.id)).body).toMatchObject({
    state: "interrupted",
    content: joinText(events),
    finishReason: "interrupted",
    ...{ usage, costNano, estimated: true },
  });
  const again = await replies.resume(caller, start.data.id);
  expect(joinReply(again)).toEqual(joinReply(events));
  expect(again.at(-1)).toMatchObject({
    type: "error",
    data: { error: { code: "provider_interrupted", usage, costNano, estimated: true } },
  });
});

test("a request that was refused before anything was held is not found", async () => {
  const caller = await signUpCaller(sql);
  const { headers } = await chats.ask(caller, { message: "Hello", model: "nobody/nothing" });
  const { status, body } = await replies.find(caller, headers.get("x-request-id") as string);
  expect([status, body.error.code]).toEqual([404, "request_not_found"]);
});

const notFound = {
  type: "not_found_error",
  code: "request_not_found",
  param: null,
  message: errorTable.request_not_found.message,
};

test("another person's request is not found, like one that there is not", async () => {
  const [owner, stranger] = await Promise.all([signUpCaller(sql), signUp()]);
  const { result } = await chats.ask(owner, { message: "Mine" });
  for (const id of [result.id, randomUUID()]) {
    const { status, body } = await replies.find(stranger, id);
    expect([status, body]).toEqual([404, { error: notFound }]);
    await expect(replies.open(stranger, id)).rejects.toThrow(/^404 .*request_not_found/);
  }
  expect((await replies.find({ token: "none" }, result.id)).status).toBe(401);
});

test.each(["1", "not-an-id", "%00", `${randomUUID()}x`, "'; drop table"])(
  "what is no id, such as %s, names no request",
  async (id) => {
    const { status, body } = await replies.find(await signUp(), encodeURI(id));
    expect([status, body.error]).toEqual([404, notFound]);
  },
);

test("a request is only read: another method is a 405 that says so", async () => {
  const person = await signUp();
  for (const method of ["POST", "PATCH", "DELETE"]) {
    const { status, headers, body } = await chats.request(person, method, `/requests/${randomUUID()}`);
    expect([status, headers.get("allow"), body.error.code]).toEqual([405, "GET", "method_not_allowed"]);
  }
});

test("a chat of which no conversation is kept can be come back for as well", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=20" });
  const client = connectOpenAI(caller);
  const messages = [{ role: "user" as const, content: "Tell me of tides." }];
  const whole = await client.chat.completions.create({ model: caller.modelId, messages });
  const text = whole.choices[0]?.message.content;
  const id = whole.id.replace("chatcmpl-", "");
  expect((await replies.find(caller, id)).body).toMatchObject({
    ...{ id, state: "completed", conversationId: null, content: text, finishReason: "stop" },
    usage: { outputTokens: 20 },
  });
  expect(joinReply(await replies.resume(caller, id, "1.7.0")).content).toBe(text?.slice(7));

  const stream = await client.chat.completions.create({ model: caller.modelId, messages, stream: true });
  const ids = new Set<string>();
  for await (const chunk of stream) ids.add(chunk.id);
  const [streamed = ""] = ids;
  const found = await replies.find(caller, streamed.replace("chatcmpl-", ""));
  expect(found.body).toMatchObject({ state: "completed", content: text });
});

test("a page may come back for its reply", async ({ onTestFinished }) => {
  const instance = await startExtraFunction({ ALLOWED_ORIGINS: "https://app.example" });
  onTestFinished(() => instance.stop());
  const response = await fetch(`${instance.url}/requests/${randomUUID()}`, {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": "authorization,last-event-id",
    },
  });
  expect(response.headers.get("access-control-allow-headers")?.split(",")).toEqual(
    expect.arrayContaining(["authorization", "last-event-id"]),
  );
});

test("what was said in a conversation that is deleted cannot be come back for", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=25;tps=12" });
  const ids = [
    await askAtLength(caller),
    (await chats.ask(caller, { message: "x", options: { maxTokens: 5 } })).result,
  ];
  for (const { id, conversationId } of ids) {
    expect((await replies.find(caller, id)).body.content).toMatch(/^You said: /);
    expect((await chats.request(caller, "DELETE", `/conversations/${conversationId}`)).status).toBe(204);
    const { status, body } = await replies.find(caller, id);
    expect([status, body.content]).toEqual([404, undefined]);
    expect(await sql`select from private.reply_parts where request_id = ${id}`).toHaveLength(0);
  }
});

/** A chat whose reply is written down while it grows. */
async function askAtLength(caller: Caller): Promise<{ id: string; conversationId: string | null }> {
  const { events } = await chats.open(caller, { message: "Hello" });
  const { data } = await waitForEvent(events, "start");
  await readRest(events);
  expect(await sql`select from private.reply_parts where request_id = ${data.id}`).not.toHaveLength(0);
  return data;
}

/** The answers in conversations that a request has added. */
async function readAnswer(requestId: string) {
  const rows = await sql<{ content: string }[]>`
    select content from public.messages where request_id = ${requestId} and role = 'assistant'`;
  return { rows };
}
