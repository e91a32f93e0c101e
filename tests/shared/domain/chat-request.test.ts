import { describe, expect, test } from "vitest";
import { parseChatRequest } from "../../../shared/domain/chat-request.ts";
import { thrownBy } from "../thrown-by.ts";

const user = { role: "user", content: "Why?" };

describe("a chat is what its body says:", () => {
  test("a message alone is the user's, in one piece, and all else is left to the plan and the provider", () => {
    expect(parseChatRequest({ message: "Grüße" })).toEqual({
      messages: [{ role: "user", content: "Grüße" }],
      conversationId: undefined,
      model: undefined,
      provider: undefined,
      stream: false,
      options: {},
    });
  });

  test("every field is taken over", () => {
    const messages = [{ role: "system", content: "Be brief." }, { role: "assistant", content: "Ask." }, user];
    const options = { maxTokens: 1_000_000, temperature: 0, topP: 1, stop: ["a", "b"], seed: -1 };
    const conversationId = "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10";
    const named = { model: "openai/gpt-4o-mini", provider: "openai" };
    expect(parseChatRequest({ ...named, messages, conversationId, stream: true, options })).toEqual({
      ...named,
      messages,
      conversationId,
      stream: true,
      options,
    });
  });

  test("an id in capitals names the same conversation", () => {
    const id = "6F1DE8B1-6F3C-4B68-9A4E-0D4B4F3F2A10";
    expect(parseChatRequest({ message: "Why?", conversationId: id }).conversationId).toBe(id.toLowerCase());
  });

  test("one stop is a list of one", () => {
    expect(parseChatRequest({ message: "Why?", options: { stop: "END" } }).options.stop).toEqual(["END"]);
  });

  test("characters beyond the basic plane and white space are text like any other", () => {
    for (const message of ["👩🏽‍🚀", " ", "\n\t", "\u0001", "\uFEFF"])
      expect(parseChatRequest({ message }).messages[0]?.content).toBe(message);
  });
});

const long = "x".repeat(101);
const longModel = "x".repeat(201);

test.each<[what: string, body: unknown, param: string | null]>([
  ["no object: null", null, null],
  ["no object: a list", [user], null],
  ["no object: a text", "Why?", null],
  ["nothing", undefined, null],
  ["neither message nor messages", {}, "message"],
  ["both message and messages", { message: "Why?", messages: [user] }, "message"],
  ["an unknown field", { message: "Why?", user_id: "1" }, "user_id"],
  ["a field that a caller must not set", { message: "Why?", tier: "enterprise" }, "tier"],
  ["a field named like a part of every object", JSON.parse('{"message":"Why?","__proto__":{}}'), "__proto__"],
  ["an unknown option", { message: "Why?", options: { max_tokens: 5 } }, "options.max_tokens"],
  ["an unknown member of a message", { messages: [{ ...user, name: "Bo" }] }, "messages.0.name"],
  ["an empty message", { message: "" }, "message"],
  ["a message that is no text", { message: 7 }, "message"],
  ["a message that is null", { message: null }, "message"],
  ["a NUL, which Postgres cannot store", { message: "a\u0000b" }, "message"],
  ["half of a character", { message: "a\uD83D" }, "message"],
  ["no messages", { messages: [] }, "messages"],
  ["too many messages", { messages: Array.from({ length: 201 }, () => user) }, "messages"],
  ["messages that are no list", { messages: user }, "messages"],
  ["a message that is none", { messages: [user, "Why?"] }, "messages.1"],
  ["an unknown role", { messages: [{ role: "developer", content: "Hi" }, user] }, "messages.0.role"],
  ["an empty text", { messages: [{ role: "user", content: "" }] }, "messages.0.content"],
  [
    "half of a character further in",
    { messages: [user, { role: "user", content: "\uDE00" }] },
    "messages.1.content",
  ],
  [
    "a last message of the assistant",
    { messages: [user, { role: "assistant", content: "So." }] },
    "messages",
  ],
  ["a last message of the system", { messages: [{ role: "system", content: "So." }] }, "messages"],
  ["a conversation that is no id", { message: "Why?", conversationId: "1" }, "conversationId"],
  ["a conversation that is null", { message: "Why?", conversationId: null }, "conversationId"],
  ["a model without a name", { message: "Why?", model: "" }, "model"],
  ["a model with a long name", { message: "Why?", model: longModel }, "model"],
  ["a model with a NUL in its name", { message: "Why?", model: "a\u0000" }, "model"],
  ["a stream that is no yes or no", { message: "Why?", stream: "true" }, "stream"],
  ["options that are none", { message: "Why?", options: "fast" }, "options"],
  ["no tokens", { message: "Why?", options: { maxTokens: 0 } }, "options.maxTokens"],
  ["part of a token", { message: "Why?", options: { maxTokens: 1.5 } }, "options.maxTokens"],
  ["too many tokens", { message: "Why?", options: { maxTokens: 1_000_001 } }, "options.maxTokens"],
  ["tokens in words", { message: "Why?", options: { maxTokens: "5" } }, "options.maxTokens"],
  ["too much temperature", { message: "Why?", options: { temperature: 2.1 } }, "options.temperature"],
  ["too little temperature", { message: "Why?", options: { temperature: -0.1 } }, "options.temperature"],
  ["too much topP", { message: "Why?", options: { topP: 1.1 } }, "options.topP"],
  ["an empty stop", { message: "Why?", options: { stop: "" } }, "options.stop"],
  ["a long stop", { message: "Why?", options: { stop: [long] } }, "options.stop.0"],
  ["no stops", { message: "Why?", options: { stop: [] } }, "options.stop"],
  ["too many stops", { message: "Why?", options: { stop: ["a", "b", "c", "d", "e"] } }, "options.stop"],
  ["part of a seed", { message: "Why?", options: { seed: 0.5 } }, "options.seed"],
])("a body with %s is refused, and the field is named", (_what, body, param) => {
  const error = thrownBy(() => parseChatRequest(body));
  expect(error.code).toBe("invalid_request");
  expect(error.status).toBe(400);
  expect(error.toBody().error.param).toBe(param);
  // What is wrong with the body as a whole has no field to name.
  expect(error.message).toMatch(/^(?:[\w.]+: .+|Send either message or messages)\.$/);
  if (error.message.includes(":")) expect(error.message.split(":")[0]).toBe(param ?? "body");
});
