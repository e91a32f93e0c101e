import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type Caller, signUp, signUpCaller } from "../../support/people.ts";
import { readMetering, untouched } from "../../support/read-metering.ts";
import { makeModel } from "../../support/test-models.ts";

const sql = connectDatabase();
const chats = createChatClient();
const mebibyte = 1024 * 1024;
// Whose counters stay untouched: all that this file sends is refused.
let caller: Caller;

beforeAll(async () => {
  caller = await signUpCaller(sql);
});

/** Sends a body as it is and checks that the refusal has the one shape, and leaves no trace. Returns its code and field. */
async function refuse(body: BodyInit | null, init: RequestInit = {}, path = "") {
  const response = await chats.send(path, {
    method: "POST",
    ...init,
    token: caller.token,
    body,
    headers: { "content-type": "application/json", origin: "https://app.example" },
  });
  const answer = await response.json();
  expect(Object.keys(answer)).toEqual(["error"]);
  expect(Object.keys(answer.error).sort()).toEqual(["code", "message", "param", "type"]);
  expect(answer.error.message).toMatch(/^[\S ]{10,200}\.$/);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.headers.get("vary")).toMatch(/origin/i);
  expect(response.headers.get("access-control-expose-headers")).toContain("x-request-id");
  expect(await readMetering(sql, caller.userId)).toEqual(untouched);
  expect(await sql`select from public.conversations where user_id = ${caller.userId}`).toHaveLength(0);
  const { type, code, param } = answer.error;
  return { status: response.status, type, code, param };
}

const invalid = (param: string | null) => ({
  status: 400,
  type: "invalid_request_error",
  code: "invalid_request",
  param,
});
const invalidJson = { status: 400, type: "invalid_request_error", code: "invalid_json", param: null };
const tooDeep = { ...invalidJson, code: "body_too_deep" };
const tooLarge = { status: 413, type: "invalid_request_error", code: "body_too_large", param: null };

describe("a body that is not JSON is refused", () => {
  test.each<[string, BodyInit | null]>([
    ["nothing", null],
    ["an empty one", ""],
    ["white space", "  \n"],
    ["half an object", '{"message":"Hello'],
    ["two objects", '{"message":"Hello"}{"message":"Hello"}'],
    ["a form", "message=Hello"],
    ["bytes that are no UTF-8", new Uint8Array([...Buffer.from('{"message":"'), 0xff, 0xfe, 0x22, 0x7d])],
    ["a character that is cut off", Buffer.from('{"message":"é"}').subarray(0, 13)],
  ])("%s", async (_what, body) => {
    expect(await refuse(body)).toEqual(invalidJson);
  });
});

describe("a body over 1 MiB is refused", () => {
  const large = JSON.stringify({ message: "x".repeat(mebibyte) });

  test("that says how long it is", async () => {
    expect(await refuse(large)).toEqual(tooLarge);
  });

  test("that does not say how long it is", async () => {
    const parts = new Blob([large]).stream();
    expect(await refuse(parts, { duplex: "half" } as RequestInit)).toEqual(tooLarge);
  });

  test("and one of exactly 1 MiB is read", async () => {
    const frame = JSON.stringify({ message: "", nonsense: 1 }).length;
    const body = JSON.stringify({ message: "x".repeat(mebibyte - frame), nonsense: 1 });
    expect(body).toHaveLength(mebibyte);
    expect(await refuse(body)).toEqual(invalid("nonsense"));
  });
});

describe("nesting", () => {
  const nest = (depth: number, inner = "1") => "[".repeat(depth) + inner + "]".repeat(depth);

  test.each([
    ["deeper than 32 levels is refused", `{"message":${nest(32)}}`, tooDeep],
    ["of half a million levels is refused", nest(500_000), tooDeep],
    ["that is never closed is refused", "[".repeat(500_000), tooDeep],
    ["of 32 levels is read", `{"message":${nest(31)}}`, invalid("message")],
    ["inside of a string is text", `{"message":"${nest(100, '\\"')}","nonsense":1}`, invalid("nonsense")],
  ])("%s", async (_what, body, refusal) => {
    expect(await refuse(body)).toEqual(refusal);
  });
});

describe("a field that cannot be is refused, and named", () => {
  const user = { role: "user", content: "Hello" };
  const cases: [what: string, body: unknown, param: string | null][] = [
    ["no object", "Hello", null],
    ["null", null, null],
    ["a list", [user], null],
    ["neither message nor messages", {}, "message"],
    ["both message and messages", { message: "Hello", messages: [user] }, "message"],
    ["a message that is a number", { message: 7 }, "message"],
    ["a message that is null", { message: null }, "message"],
    ["an empty message", { message: "" }, "message"],
    ["a message with NUL", { message: "a\u0000b" }, "message"],
    ["a message with half a character", { message: "a\ud83cb" }, "message"],
    ["no messages", { messages: [] }, "messages"],
    ["201 messages", { messages: Array(201).fill(user) }, "messages"],
    ["messages that are no list", { messages: user }, "messages"],
    ["an unknown role", { messages: [{ ...user, role: "function" }] }, "messages.0.role"],
    ["a message without content", { messages: [user, { role: "user" }] }, "messages.1.content"],
    ["content with half a character", { messages: [{ ...user, content: "\udf0a" }] }, "messages.0.content"],
    ["more in a message", { messages: [{ ...user, name: "Ada" }] }, "messages.0.name"],
    ["a last message that is not the user's", { messages: [{ ...user, role: "assistant" }] }, "messages"],
    ["an unknown field", { message: "Hello", tier: "pro" }, "tier"],
    ["another person's id", { message: "Hello", user_id: randomUUID() }, "user_id"],
    ["a conversation that is no UUID", { message: "Hello", conversationId: "1" }, "conversationId"],
    ["a model that is no text", { message: "Hello", model: {} }, "model"],
    ["an empty model", { message: "Hello", model: "" }, "model"],
    ["a model with NUL", { message: "Hello", model: "a\u0000b" }, "model"],
    ["a model with half a character", { message: "Hello", model: "a\ud83c" }, "model"],
    ["a model of 201 characters", { message: "Hello", model: "x".repeat(201) }, "model"],
    ["a stream that is no switch", { message: "Hello", stream: "true" }, "stream"],
    ["an unknown option", { message: "Hello", options: { max_tokens: 5 } }, "options.max_tokens"],
    ["no tokens", { message: "Hello", options: { maxTokens: 0 } }, "options.maxTokens"],
    ["half a token", { message: "Hello", options: { maxTokens: 1.5 } }, "options.maxTokens"],
    [
      "more tokens than there are",
      { message: "Hello", options: { maxTokens: 1_000_001 } },
      "options.maxTokens",
    ],
    ["too much heat", { message: "Hello", options: { temperature: 2.1 } }, "options.temperature"],
    ["a share of more than all", { message: "Hello", options: { topP: 1.1 } }, "options.topP"],
    ["five stops", { message: "Hello", options: { stop: ["1", "2", "3", "4", "5"] } }, "options.stop"],
    ["an empty stop", { message: "Hello", options: { stop: [""] } }, "options.stop"],
    ["a seed that is no integer", { message: "Hello", options: { seed: 0.5 } }, "options.seed"],
  ];
  test.each(cases)("%s", async (_what, body, param) => {
    expect(await refuse(JSON.stringify(body))).toMatchObject({
      ...invalid(null),
      param: expect.toSatisfy(isIn(param)),
    });
  });

  /** The field itself, or one inside of it: which of several readings failed is the checker's own affair. */
  function isIn(param: string | null) {
    return (named: string | null) =>
      named === param || (param !== null && named?.startsWith(`${param}.`) === true);
  }
});

test("a model of a dearer plan is refused", async () => {
  const model = await makeModel(sql);
  expect(await refuse(JSON.stringify({ message: "Hello", model }))).toEqual({
    status: 403,
    type: "permission_error",
    code: "model_not_allowed",
    param: "model",
  });
  const person = await signUp();
  const { status } = await chats.ask(person, { message: "Hello", model: "openai/gpt-4o" });
  expect(status).toBe(403);
});

const noModel = { status: 404, type: "not_found_error", code: "model_not_found", param: "model" };

test("a model that nobody knows is refused", async () => {
  expect(await refuse(JSON.stringify({ message: "Hello", model: randomUUID() }))).toEqual(noModel);
});

test.each(["new", "inactive", "disabled"])(
  "a model that is %s is refused like one that there is not",
  async (status) => {
    const model = await makeModel(sql);
    await sql`
      update private.models set status = ${status}, status_before = ${status === "inactive" ? "active" : null} where id = ${model}`;
    expect(await refuse(JSON.stringify({ message: "Hello", model }))).toEqual(noModel);
  },
);

test("an address that there is not is a 404, and another method a 405 that says which there are", async () => {
  expect(await refuse("{}", {}, "/nothing")).toMatchObject({ status: 404, code: "not_found" });
  for (const [method, path, allow] of [
    ["GET", "", "POST"],
    ["PUT", "", "POST"],
    ["POST", "/conversations", "GET"],
    ["PUT", `/conversations/${randomUUID()}`, "GET, PATCH, DELETE"],
  ] as const) {
    const { status, headers, body } = await chats.request(caller, method, path);
    expect([status, headers.get("allow"), body.error.code]).toEqual([405, allow, "method_not_allowed"]);
  }
});
