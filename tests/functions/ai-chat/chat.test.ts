import { randomUUID } from "node:crypto";
import { createClient } from "@supabase/supabase-js";
import { expect, inject, test } from "vitest";
import type { ChatResult } from "../../../shared/domain/chat-event.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { joinText, readEvents, readRest } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();
const anyId = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

test("a stream and a JSON answer are equal in content, usage and charge", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=300;cached=5;reasoning=7" });
  const { result } = await chats.ask(caller, { message: "Tell me of tides." });
  const events = await chats.stream(caller, { message: "Tell me of tides." });

  expect(events.map(({ type }) => type)).toEqual([
    "start",
    ...Array(events.length - 2).fill("chunk"),
    "done",
  ]);
  const done = events.at(-1)?.data;
  expect(joinText(events)).toBe(result.content);
  // Characters of two, three and four bytes.
  for (const wide of [/[éùñ]/, /[東海山]/, /[🌊🌲]/u]) expect(result.content).toMatch(wide);
  expect(result).toMatchObject({
    reasoning: "",
    finishReason: "stop",
    estimated: false,
    usage: { cacheReadTokens: 5, outputTokens: 307, reasoningTokens: 7 },
  });
  const { id, conversationId, content: _, reasoning: __, toolCalls, limits, ...same } = result;
  expect(toolCalls).toEqual([]);
  expect(done).toEqual({ ...same, id: anyId, conversationId: anyId, limits: expect.any(Array) });
  expect(events[0]?.data).toEqual({
    id: (done as ChatResult).id,
    conversationId: (done as ChatResult).conversationId,
    model: caller.modelId,
    provider: "openai",
    credential: "environment",
    attempts: 1,
    warnings: [],
  });

  const { ledger } = await readMetering(sql, caller.userId);
  expect(ledger.map(({ hold_id }) => hold_id)).toEqual([id, (done as ChatResult).id]);
  const [first, second] = ledger.map(({ cost_nano, input_tokens, output_tokens, estimated }) => [
    cost_nano,
    input_tokens,
    output_tokens,
    estimated,
  ]);
  expect(first).toEqual(second);
});

test("the charge is the provider's usage at the stored price, rounded up once, and the limits count it", async () => {
  const caller = await signUpCaller(sql, {
    simulate: "tokens=10;cached=6;reasoning=3",
    inputUsd: "0.0000012345",
    cacheReadUsd: "0.0000001111",
    outputUsd: "0.0000099999",
    limits: [
      { unit: "requests", window: "day", amount: 5 },
      { unit: "nano_usd", window: "month", amount: 1_000_000_000 },
    ],
  });
  const marker = randomUUID();
  const { result } = await chats.ask(caller, { message: marker });
  const { usage } = await provider.waitForCall(marker, "completed");
  const costNano = Math.ceil(((usage?.inputTokens ?? 0) * 12345 + 6 * 1111 + 13 * 99999) / 10);
  expect(result.usage).toEqual(usage);
  expect(result.costNano).toBe(costNano);
  expect(result.limits).toEqual([
    {
      scope: "all",
      scopeId: "",
      unit: "requests",
      window: "day",
      limit: 5,
      used: 1,
      held: 0,
      left: 4,
      resetsAt: expect.stringMatching(/T00:00:00\.000Z$/),
    },
    {
      scope: "all",
      scopeId: "",
      unit: "nano_usd",
      window: "month",
      limit: 1_000_000_000,
      used: costNano,
      held: 0,
      left: 1_000_000_000 - costNano,
      resetsAt: expect.any(String),
    },
  ]);
  const { ledger, windows, holds } = await readMetering(sql, caller.userId);
  expect(ledger).toMatchObject([
    { entry: "charge", attempt: 1, outcome: "completed", estimated: false, cost_nano: costNano },
  ]);
  expect(windows).toMatchObject([
    { unit: "requests", used: 1, held: 0 },
    { unit: "nano_usd", used: costNano, held: 0 },
  ]);
  expect(holds).toMatchObject([{ id: result.id, state: "settled" }]);
});

test("a chat is stored and continued: the provider gets what was said before", async () => {
  const caller = await signUpCaller(sql);
  const [first, second] = [randomUUID(), randomUUID()];
  const { result } = await chats.ask(caller, {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: first },
    ],
  });
  const { conversationId } = result;
  const events = await chats.stream(caller, { message: second, conversationId });

  const [call] = await provider.findCalls(second);
  expect(call?.prompt).toBe(["Be brief.", first, result.content, second].join("\n"));
  const { body } = await chats.request<{ conversation: unknown; messages: unknown[] }>(
    caller,
    "GET",
    `/conversations/${conversationId}`,
  );
  expect(body.conversation).toMatchObject({ id: conversationId, title: first, messageCount: 5 });
  expect(body.messages).toMatchObject([
    {
      position: 1,
      role: "system",
      content: "Be brief.",
      finishReason: null,
      model: null,
      requestId: result.id,
    },
    { position: 2, role: "user", content: first },
    {
      position: 3,
      role: "assistant",
      content: result.content,
      finishReason: "stop",
      model: caller.modelId,
      requestId: result.id,
    },
    { position: 4, role: "user", content: second },
    { position: 5, role: "assistant", content: joinText(events), finishReason: "stop" },
  ]);
});

test("a request that names no model gets the default one of the plan", async () => {
  const person = await signUp();
  const { result } = await chats.ask(person, { message: "Hello" });
  expect(result.model).toBe("openai/gpt-4o-mini");
});

test("a model that is named is called", async () => {
  const person = await signUp();
  const marker = randomUUID();
  const { result } = await chats.ask(person, { message: marker, model: "openai/gpt-4.1-nano" });
  expect(result.model).toBe("openai/gpt-4.1-nano");
  expect((await provider.findCalls(marker))[0]?.model).toBe("gpt-4.1-nano");
});

test("an answer of at most maxTokens tokens is asked for, and says that it ended there", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=300" });
  const marker = randomUUID();
  const { result } = await chats.ask(caller, { message: marker, options: { maxTokens: 20 } });
  expect(result).toMatchObject({ finishReason: "length", usage: { outputTokens: 20 } });
  const events = await chats.stream(caller, { message: marker, options: { maxTokens: 20 } });
  expect(events.at(-1)).toMatchObject({ type: "done", data: { finishReason: "length" } });
  expect((await provider.findCalls(marker)).map(({ maxTokens }) => maxTokens)).toEqual([20, 20]);
});

test("without maxTokens the model's own maximum is asked for, and never more than that", async () => {
  const caller = await signUpCaller(sql, { maxOutputTokens: 777 });
  const [plain, greedy] = [randomUUID(), randomUUID()];
  await chats.ask(caller, { message: plain });
  await chats.ask(caller, { message: greedy, options: { maxTokens: 1_000_000 } });
  expect((await provider.findCalls(plain))[0]?.maxTokens).toBe(777);
  expect((await provider.findCalls(greedy))[0]?.maxTokens).toBe(777);
});

test("every answer names its request, and the times of its phases", async () => {
  const caller = await signUpCaller(sql);
  const { result, headers } = await chats.ask(caller, { message: "Hello" });
  expect(headers.get("x-request-id")).toBe(result.id);
  const phases = (value: string | null) => value?.replaceAll(/;dur=\d+(\.\d+)?/g, "");
  expect(phases(headers.get("server-timing"))).toBe("auth, begin, first_token, settle, total");

  const stream = await chats.open(caller, { message: "Hello" });
  const [start] = await readRest(stream.events);
  expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(start?.data).toMatchObject({ id: stream.headers.get("x-request-id") });
  expect(phases(stream.headers.get("server-timing"))).toBe("auth, begin, first_token, total");
});

test("an app calls it with supabase-js, for JSON and for a stream", async () => {
  const person = await signUp();
  const { apiUrl, publishableKey } = inject("stack");
  const client = createClient(apiUrl, publishableKey);
  await client.auth.signInWithPassword(person);

  const json = await client.functions.invoke<ChatResult>("ai-chat", { body: { message: "Hello" } });
  expect(json.error).toBeNull();
  expect(json.data?.content).toMatch(/^You said: Hello/);

  const stream = await client.functions.invoke<Response>("ai-chat", {
    body: { message: "Hello", conversationId: json.data?.conversationId, stream: true },
  });
  expect(stream.error).toBeNull();
  const events = await readRest(readEvents(stream.data?.body ?? null));
  expect(joinText(events)).toBe(json.data?.content);
  expect(events.at(-1)?.type).toBe("done");

  const conversations = await client.functions.invoke("ai-chat/conversations", { method: "GET" });
  expect(conversations.data).toMatchObject({
    conversations: [{ id: json.data?.conversationId, messageCount: 4 }],
  });
});
