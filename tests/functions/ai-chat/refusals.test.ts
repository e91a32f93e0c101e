import { beforeEach, describe, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createRefusalCheck, type Refusal } from "../../support/expect-refusal.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { signUpFor } from "../../support/provider-formats.ts";
import { makeModel } from "../../support/test-models.ts";

const sql = connectDatabase();
const expectRefusal = createRefusalCheck(sql);
const pixel = "data:image/png;base64,iVBORw0KGgo=";
const half = "\ud83c";
// Their counters stay untouched: what a test sends is refused.
let caller: Caller;
/** Of a model that takes text and says text, and nothing else. */
let plain: Caller;

beforeEach(async () => {
  caller = await signUpFor(sql, "openai");
  plain = await signUpCaller(sql, { supportedParameters: ["max_tokens"] });
});

type Case = [what: string, body: Record<string, unknown>, refusal: Refusal];
const user = (content: unknown = "Hello") => ({ role: "user", content });
const said = (...content: unknown[]) => ({ messages: [user(content)] });
const ask = (options: Record<string, unknown>) => ({ message: "Hello", options });

describe("what may not be called is refused", () => {
  test("a model that nobody knows", async () => {
    await expectRefusal(
      caller,
      { message: "Hello", model: "nobody/nothing" },
      { status: 404, code: "model_not_found", param: "model", says: /choose one that the plan includes/ },
    );
  });

  test("a model of a higher plan", async () => {
    const model = await makeModel(sql);
    await expectRefusal(
      caller,
      { message: "Hello", model },
      { status: 403, code: "model_not_allowed", param: "model", says: /choose another one or upgrade/ },
    );
  });
});

describe("what the model cannot do is refused by name", () => {
  const cannot = (param: string, what: RegExp): Refusal => ({
    code: "unsupported_parameter",
    param,
    says: what,
  });
  const tool = { name: "look", parameters: { type: "object", properties: {} } };
  const schema = { type: "object", properties: {} };
  test.each<Case>([
    [
      "an image to a text model",
      said({ type: "image", url: pixel }),
      cannot("messages", /see images.*another model/),
    ],
    ["tools", ask({ tools: [tool] }), cannot("options.tools", /call tools.*another model/)],
    ["stops", ask({ stop: "END" }), cannot("options.stop", /stop.*another model/)],
    [
      "JSON",
      ask({ responseFormat: { type: "json_object" } }),
      cannot("options.responseFormat", /JSON.*another model/),
    ],
    [
      "a schema",
      ask({ responseFormat: { type: "json_schema", name: "x", schema } }),
      cannot("options.responseFormat", /schema.*another model/),
    ],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(plain, body, refusal);
  });
});

describe("a conversation that is too long is refused", () => {
  test("300 messages", async () => {
    const messages = Array.from({ length: 300 }, () => user());
    await expectRefusal(caller, { messages }, { param: "messages", says: /200/ });
  });

  test.each([1024 * 1024, 1024 * 1024 + 1])("%i bytes of text", async (length) => {
    await expectRefusal(
      caller,
      { message: "x".repeat(length) },
      { status: 413, code: "body_too_large", param: null, says: /1 MiB is the most/ },
    );
  });

  test("101 pieces in one message", async () => {
    const parts = Array(101).fill({ type: "text", text: "x" });
    await expectRefusal(caller, said(...parts), { param: "messages.0.content", says: /100/ });
  });
});

describe("a character that cannot be is refused wherever it is", () => {
  const whole: Pick<Refusal, "says"> = { says: /half of a surrogate pair: send whole characters/ };
  const none: Pick<Refusal, "says"> = { says: /NUL character: remove it/ };
  const call = { id: "a", name: "look", arguments: "{}" };
  const answered = (calls: unknown, content = "x") => ({
    messages: [user(), { role: "assistant", toolCalls: [calls] }, { role: "tool", toolCallId: "a", content }],
  });
  test.each<Case>([
    ["in a message", { message: `a${half}` }, { param: "message", ...whole }],
    ["in the middle of one", { message: `a${half}b` }, { param: "message", ...whole }],
    ["the other half", { message: "a\udf0ab" }, { param: "message", ...whole }],
    [
      "in a piece of text",
      said({ type: "text", text: half }),
      { param: "messages.0.content.0.text", ...whole },
    ],
    [
      "in the address of an image",
      said({ type: "image", url: `https://a.example/${half}` }),
      { param: "messages.0.content.0.url", ...whole },
    ],
    [
      "a NUL in the address of an image",
      said({ type: "image", url: "https://a.example/\u0000" }),
      { param: "messages.0.content.0.url", ...none },
    ],
    ["in what a tool said", answered(call, half), { param: "messages.2.content", ...whole }],
    [
      "in the id of a call",
      answered({ ...call, id: half }),
      { param: "messages.1.toolCalls.0.id", ...whole },
    ],
    [
      "in the arguments of a call",
      answered({ ...call, arguments: `{"a":"${half}"}` }),
      { param: "messages.1.toolCalls.0.arguments", ...whole },
    ],
    [
      "in a continuation",
      { messages: [{ role: "assistant", content: "x", continuation: half }, user()] },
      { param: "messages.0.continuation", ...whole },
    ],
    [
      "in what is said of a tool",
      ask({ tools: [{ name: "look", description: half }] }),
      { param: "options.tools.0.description", ...whole },
    ],
    [
      "in a tool's schema",
      ask({ tools: [{ name: "look", parameters: { type: "object", description: half } }] }),
      { param: "options.tools.0.parameters", ...whole },
    ],
    [
      "in the name of a schema's property",
      ask({ tools: [{ name: "look", parameters: { type: "object", properties: { [half]: {} } } }] }),
      { param: "options.tools.0.parameters", ...whole },
    ],
    [
      "in the schema of an answer",
      ask({
        responseFormat: { type: "json_schema", name: "x", schema: { type: "object", title: `${half}x` } },
      }),
      { param: "options.responseFormat.schema", ...whole },
    ],
    ["in a stop", ask({ stop: [half] }), { param: "options.stop.0", ...whole }],
    ["in a model", { message: "Hello", model: half }, { param: "model", ...whole }],
    ["in a provider", { message: "Hello", provider: half }, { param: "provider", ...whole }],
  ])("%s", async (_what, body, refusal) => {
    await expectRefusal(caller, body, refusal);
  });
});
