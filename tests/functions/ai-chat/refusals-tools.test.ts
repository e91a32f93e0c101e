import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { createRefusalCheck, type Refusal } from "../../support/expect-refusal.ts";
import type { Caller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { signUpFor } from "../../support/provider-formats.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();
const expectRefusal = createRefusalCheck(sql);
// Their counters stay untouched: what a test has them send is refused.
let caller: Caller;

beforeEach(async () => {
  caller = await signUpFor(sql, "openai");
});

type Case = [what: string, body: Record<string, unknown>, refusal: Refusal];
const user = { role: "user", content: "Hello" };
const ask = (options: Record<string, unknown>) => ({ message: "Hello", options });
const tool = (more: Record<string, unknown> = {}) => ({ name: "look", ...more });
const takes = (parameters: unknown) => ask({ tools: [tool({ parameters })] });
const object = (more: Record<string, unknown> = {}) => ({ type: "object", ...more });

describe("a tool that cannot be declared is refused, and named", () => {
  const parameters = (says: RegExp): Refusal => ({ param: "options.tools.0.parameters", says });
  const name: Refusal = { param: "options.tools.0.name", says: /1 to 64 letters, digits, _ or -/ };
  const deep = Array.from({ length: 20 }).reduce<unknown>(
    (inner) => object({ properties: { inner } }),
    object(),
  );
  test.each<Case>([
    [
      "without a name",
      ask({ tools: [{}] }),
      { param: "options.tools.0.name", says: /options\.tools\.0\.name: / },
    ],
    ["with an empty name", ask({ tools: [{ name: "" }] }), name],
    ["with a name of two words", ask({ tools: [{ name: "look up" }] }), name],
    ["with a long name", ask({ tools: [{ name: "x".repeat(65) }] }), name],
    [
      "of two that have one name",
      ask({ tools: [tool(), tool()] }),
      { param: "options.tools", says: /each name once/ },
    ],
    ["of none at all", ask({ tools: [] }), { param: "options.tools", says: />=1|at least 1|empty/ }],
    ["of 129", ask({ tools: Array(129).fill(tool()) }), { param: "options.tools", says: /128/ }],
    [
      "that is OpenAI's",
      ask({ tools: [{ type: "function", function: tool() }] }),
      { param: "options.tools.0.name", says: /name/ },
    ],
    [
      "with more than we know",
      ask({ tools: [tool({ cache: 1 })] }),
      { param: "options.tools.0.cache", says: /remove it/ },
    ],
    ["that takes a list", takes({ type: "array" }), parameters(/must have the type "object"/)],
    ["that takes anything", takes({}), parameters(/must have the type "object"/)],
    ["that takes a text", takes("x"), parameters(/parameters: /)],
    [
      "that takes an unknown type",
      takes(object({ properties: { a: { type: "text" } } })),
      parameters(/unknown type "text"/),
    ],
    ["whose members are a list", takes(object({ properties: [] })), parameters(/map of schemas/)],
    ["whose member is a number", takes(object({ properties: { a: 7 } })), parameters(/not an object/)],
    ["whose needs are a text", takes(object({ required: "a" })), parameters(/`required` that is not a list/)],
    ["whose choice is empty", takes(object({ properties: { a: { enum: [] } } })), parameters(/`enum`/)],
    [
      "whose reference leads nowhere",
      takes(object({ properties: { a: { $ref: "#/$defs/a" } } })),
      parameters(/leads nowhere/),
    ],
    [
      "whose reference leads out",
      takes(object({ properties: { a: { $ref: "https://a.example/schema.json" } } })),
      parameters(/leads nowhere in the schema/),
    ],
    [
      "whose fault is deep",
      takes(object({ anyOf: [object({ items: { not: { type: "x" } } })] })),
      parameters(/unknown type "x"/),
    ],
    ["that is too deep", takes(deep), { code: "body_too_deep", param: null, says: /32 levels/ }],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(caller, body, refusal);
  });
});

describe("a result without its call, and a call without its result, are refused", () => {
  const call = (id: string, more: Record<string, unknown> = {}) => ({
    id,
    name: "look",
    arguments: "{}",
    ...more,
  });
  const asks = (...toolCalls: unknown[]) => ({ role: "assistant", toolCalls });
  const result = (toolCallId: unknown, more: Record<string, unknown> = {}) => ({
    role: "tool",
    toolCallId,
    content: "x",
    ...more,
  });
  const talk = (...messages: unknown[]) => ({ messages });
  const strayAt = (index: number): Refusal => ({
    param: `messages.${index}.toolCallId`,
    says: /no call before it has this id/,
  });
  const open: Refusal = { param: "messages", says: /every tool call needs its result/ };
  test.each<Case>([
    ["a result that nobody asked for", talk(user, result("a")), strayAt(1)],
    ["a result of another call", talk(user, asks(call("a")), result("b")), strayAt(2)],
    ["a result that comes twice", talk(user, asks(call("a")), result("a"), result("a")), strayAt(3)],
    [
      "a result that comes late",
      talk(user, asks(call("a")), user, result("a")),
      { param: "messages.2", says: /need their results first/ },
    ],
    ["one result of two", talk(user, asks(call("a"), call("b")), result("a")), open],
    [
      "two calls of one id",
      talk(user, asks(call("a"), call("a")), result("a")),
      { param: "messages.1.toolCalls", says: /each id once/ },
    ],
    [
      "a result without the call's id",
      talk(user, asks(call("a")), result(undefined)),
      { param: "messages.2.toolCallId", says: /toolCallId/ },
    ],
    [
      "a result that is no text",
      talk(user, asks(call("a")), result("a", { content: {} })),
      { param: "messages.2.content", says: /must be a text/ },
    ],
    [
      "arguments that are an object",
      talk(user, asks(call("a", { arguments: {} })), result("a")),
      { param: "messages.1.toolCalls.0.arguments", says: /must be a text/ },
    ],
    [
      "a call of OpenAI's",
      talk(user, { role: "assistant", tool_calls: [] }),
      { param: "messages.1.tool_calls", says: /remove it/ },
    ],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(caller, body, refusal);
  });

  test.each([
    [
      "a result that the conversation never asked for",
      (ids: string[]) => [...ids.map((id) => result(id)), result("other")],
      2,
    ],
    ["one result of two", ([id]: string[]) => [result(id)], null],
    ["results of other calls alone", () => [result("other")], 0],
  ])("also in a conversation: %s", async (_what, answer, strayIndex) => {
    const person = await signUpFor(sql, "openai", { simulate: "tools=2" });
    const options = { tools: [tool({ parameters: object() })] };
    const { result: asked } = await chats.ask(person, { message: randomUUID(), options });
    const before = await readMetering(sql, person.userId);
    const marker = randomUUID();
    const messages = answer(asked.toolCalls.map(({ id }) => id)).map((each) => ({
      ...each,
      content: marker,
    }));
    const { conversationId } = asked;
    const { status, error } = await chats.ask(person, { conversationId, messages, options });
    const param = strayIndex === null ? "messages" : `messages.${strayIndex}.toolCallId`;
    expect([status, error?.code, error?.param]).toEqual([400, "invalid_request", param]);
    expect(await provider.findCalls(marker)).toEqual([]);
    await expect
      .poll(() => readMetering(sql, person.userId))
      .toMatchObject({
        ledger: before.ledger,
        windows: before.windows.map(({ used }) => ({ used, held: 0 })),
      });
  });
});
