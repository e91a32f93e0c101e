import { expect, test } from "vitest";
import { parseChatParams } from "../../../../shared/http/openai/chat-params.ts";
import { thrownBy } from "../../thrown-by.ts";

const user = { role: "user", content: "Why?" };
const parse = (body: Record<string, unknown>) => parseChatParams({ messages: [user], ...body });

test.each<[what: string, body: Record<string, unknown>, param: string]>([
  ["several answers", { n: 2 }, "n"],
  ["log probabilities", { logprobs: true }, "logprobs"],
  ["a penalty", { frequency_penalty: 0.5 }, "frequency_penalty"],
  ["a bias", { logit_bias: { 50256: -100 } }, "logit_bias"],
  ["sound", { modalities: ["text", "audio"] }, "modalities"],
  ["another price", { service_tier: "priority" }, "service_tier"],
  ["storage", { store: true }, "store"],
  ["a prediction", { prediction: { type: "content", content: "x" } }, "prediction"],
  ["a search", { web_search_options: {} }, "web_search_options"],
  ["functions of old", { functions: [{ name: "look" }] }, "functions"],
  ["a tool that is no function", { tools: [{ type: "custom", custom: { name: "x" } }] }, "tools.0.type"],
  [
    "a choice among some tools",
    { tool_choice: { type: "allowed_tools", allowed_tools: {} } },
    "tool_choice.type",
  ],
  [
    "a sound to hear",
    { messages: [{ role: "user", content: [{ type: "input_audio" }] }] },
    "messages.0.content.0.type",
  ],
  [
    "a file to read",
    { messages: [user, { role: "user", content: [{ type: "file" }] }] },
    "messages.1.content.0.type",
  ],
  ["a result of old", { messages: [user, { role: "function", name: "x", content: "y" }] }, "messages.1.role"],
  [
    "a call of old",
    { messages: [user, { role: "assistant", function_call: { name: "x", arguments: "{}" } }, user] },
    "messages.1.function_call",
  ],
])("what no provider is asked for here is refused by name: %s", (_what, body, param) => {
  const error = thrownBy(() => parse(body));
  expect([error.code, error.toBody().error.param]).toEqual(["unsupported_parameter", param]);
  expect(error.message).toMatch(new RegExp(`^${param.replaceAll(".", "\\.")}: `));
});

const call = (name: string, args = "{}") => ({
  role: "assistant",
  tool_calls: [{ id: "a", type: "function", function: { name, arguments: args } }],
});
const tool = (name: string, more = {}) => ({ type: "function", function: { name, ...more } });

test.each<[what: string, body: Record<string, unknown>, param: string | null, reason: RegExp]>([
  ["an unknown member", { max_output: 5 }, "max_output", /not a known field/],
  [
    "an unknown member of a part",
    { messages: [{ role: "user", content: [{ type: "text", text: "x", size: 1 }] }] },
    "messages.0.content.0.size",
    /not a known field/,
  ],
  ["201 messages", { messages: Array(201).fill(user) }, "messages", /more than 200/],
  [
    "101 parts",
    { messages: [{ role: "user", content: Array(101).fill({ type: "text", text: "x" }) }] },
    "messages.0.content",
    /more than 100/,
  ],
  ["129 tools", { tools: Array.from({ length: 129 }, (_, at) => tool(`a${at}`)) }, "tools", /more than 128/],
  [
    "129 calls",
    { messages: [user, { role: "assistant", tool_calls: Array(129).fill(call("look").tool_calls[0]) }] },
    "messages.1.tool_calls",
    /at most 128/,
  ],
  ["no messages", { messages: undefined }, "messages", /is missing/],
  ["an empty list", { messages: [] }, "messages", /at least one message/],
  ["a message without a role", { messages: [{ content: "x" }] }, "messages.0.role", /"user"/],
  [
    "a message that is empty",
    { messages: [user, { role: "user", content: "" }] },
    "messages.1.content",
    /empty/,
  ],
  [
    "an assistant who said nothing",
    { messages: [user, { role: "assistant", content: null }, user] },
    "messages.1.content",
    /empty/,
  ],
  [
    "the assistant's word as the last",
    { messages: [user, { role: "assistant", content: "x" }] },
    "messages",
    /user or tool/,
  ],
  [
    "a part of no kind",
    { messages: [{ role: "user", content: [{ type: "text", text: "x" }, { text: "y" }] }] },
    "messages.0.content.1.type",
    /"text"/,
  ],
  [
    "an image that is not public",
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://x" } }] }] },
    "messages.0.content.0.image_url.url",
    /https/,
  ],
  [
    "a result without a call",
    { messages: [user, { role: "tool", tool_call_id: "z", content: "x" }] },
    "messages.1.tool_call_id",
    /no call/,
  ],
  ["a call without a result", { messages: [user, call("look"), user] }, "messages.2", /results first/],
  [
    "a tool's name with a space",
    { messages: [user, call("look up")] },
    "messages.1.tool_calls.0.function.name",
    /letters/,
  ],
  ["a temperature in words", { temperature: "hot" }, "temperature", /number/],
  ["a limit of nothing", { max_completion_tokens: 0 }, "max_completion_tokens", /at least 1/],
  ["a limit of nothing, by the older name", { max_tokens: 0 }, "max_tokens", /at least 1/],
  ["both names of the limit", { max_tokens: 1, max_completion_tokens: 1 }, "max_tokens", /older name/],
  ["a share beyond all", { top_p: 1.5 }, "top_p", /at most 1/],
  ["an unknown effort", { reasoning_effort: "some" }, "reasoning_effort", /"minimal" or "low"/],
  ["no tools at all", { tools: [] }, "tools", /empty/],
  ["two tools of one name", { tools: [tool("a"), tool("a")] }, "tools", /each name once/],
  [
    "a schema of no object",
    { tools: [tool("a", { parameters: { type: "array" } })] },
    "tools.0.function.parameters",
    /"object"/,
  ],
  ["a choice without tools", { tool_choice: "required" }, "tool_choice", /needs tools\.$/],
  [
    "a choice that is no tool",
    { tools: [tool("a")], tool_choice: tool("b") },
    "tool_choice",
    /none of tools\.$/,
  ],
  ["a choice in other words", { tools: [tool("a")], tool_choice: "any" }, "tool_choice", /"required"/],
  ["a format of no kind", { response_format: { type: "xml" } }, "response_format.type", /"json_schema"/],
  [
    "a schema that leads nowhere",
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", schema: { type: "object", $ref: "#/$defs/x" } },
      },
    },
    "response_format.json_schema.schema",
    /leads nowhere/,
  ],
])("a fault is named as OpenAI names the field: %s", (_what, body, param, reason) => {
  const error = thrownBy(() => parse(body));
  expect([error.code, error.toBody().error.param]).toEqual(["invalid_request", param]);
  expect(error.message).toMatch(reason);
  expect(error.message).not.toMatch(/options|toolC|topP|maxTokens|responseFormat/);
});

test.each([[null], [[]], ["text"], [5]])("a body that is no object is refused: %j", (body) => {
  expect(thrownBy(() => parseChatParams(body)).code).toBe("invalid_request");
});

test("of many faults the first is told, whatever the rest of a long list holds", () => {
  const error = thrownBy(() => parseChatParams({ messages: Array(100_000).fill({ role: 7 }) }));
  expect(error.message).toBe("messages: holds more than 200 messages: send the newest ones.");
});
