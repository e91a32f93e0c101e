import { describe, expect, test } from "vitest";
import { parseChatRequest } from "../../../shared/domain/chat-request.ts";
import { thrownBy } from "../thrown-by.ts";

const schema = { type: "object", properties: { city: { type: "string" } } };
const tool = (given: object = {}) => ({ name: "weather", ...given });
const parse = (options: unknown) => parseChatRequest({ message: "Why?", options }).options;

describe("options are taken over as they are:", () => {
  test.each<[what: string, options: Record<string, unknown>]>([
    [
      "tools",
      {
        tools: [
          tool({ description: "Tells it.", parameters: schema, strict: true }),
          tool({ name: "time-2" }),
        ],
      },
    ],
    ["128 tools", { tools: Array.from({ length: 128 }, (_, index) => tool({ name: `t${index}` })) }],
    ["the choice of a tool by the model", { tools: [tool()], toolChoice: "auto" }],
    ["no tool, though there are some", { tools: [tool()], toolChoice: "none" }],
    ["some tool in any case", { tools: [tool()], toolChoice: "required" }],
    ["this tool", { tools: [tool()], toolChoice: { name: "weather" } }],
    ["one tool after the other", { tools: [tool()], parallelToolCalls: false }],
    ["an answer in JSON", { responseFormat: { type: "json_object" } }],
    [
      "an answer by a schema",
      { responseFormat: { type: "json_schema", name: "answer", schema, strict: true } },
    ],
    ["how much to think", { reasoningEffort: "minimal" }],
    ["the smallest and the largest seed", { seed: Number.MIN_SAFE_INTEGER }],
    ["no choice of a tool where there is none", { toolChoice: "none" }],
  ])("%s", (_what, options) => {
    expect(parse(options)).toEqual(options);
  });

  test("a provider to be tried first", () => {
    expect(parseChatRequest({ message: "Why?", provider: "groq" }).provider).toBe("groq");
    expect(parseChatRequest({ message: "Why?" }).provider).toBeUndefined();
  });
});

test.each<[what: string, options: unknown, param: string]>([
  ["no tools", { tools: [] }, "tools"],
  [
    "too many tools",
    { tools: Array.from({ length: 129 }, (_, index) => tool({ name: `t${index}` })) },
    "tools",
  ],
  ["two tools of one name", { tools: [tool(), tool()] }, "tools"],
  ["a tool with a name that no provider takes", { tools: [tool({ name: "get weather" })] }, "tools.0.name"],
  ["a tool with a long name", { tools: [tool({ name: "x".repeat(65) })] }, "tools.0.name"],
  [
    "a tool with a long description",
    { tools: [tool({ description: "x".repeat(10_001) })] },
    "tools.0.description",
  ],
  ["a tool with half of a character", { tools: [tool({ description: "\uD83D" })] }, "tools.0.description"],
  [
    "a tool whose schema is broken",
    { tools: [tool({ parameters: { type: "array" } })] },
    "tools.0.parameters",
  ],
  ["a tool as other services write it", { tools: [{ type: "function", function: tool() }] }, "tools.0.name"],
  ["a strict that is no yes or no", { tools: [tool({ strict: "yes" })] }, "tools.0.strict"],
  ["a choice of tools without tools", { toolChoice: "required" }, "toolChoice"],
  ["a choice of this tool without tools", { toolChoice: { name: "weather" } }, "toolChoice"],
  ["a choice of a tool that is not there", { tools: [tool()], toolChoice: { name: "time" } }, "toolChoice"],
  ["an unknown choice", { tools: [tool()], toolChoice: "any" }, "toolChoice"],
  ["a yes or no that is none", { tools: [tool()], parallelToolCalls: 1 }, "parallelToolCalls"],
  ["an unknown format", { responseFormat: { type: "xml" } }, "responseFormat.type"],
  ["a schema without a name", { responseFormat: { type: "json_schema", schema } }, "responseFormat.name"],
  [
    "a format without its schema",
    { responseFormat: { type: "json_schema", name: "a" } },
    "responseFormat.schema",
  ],
  [
    "a broken schema",
    { responseFormat: { type: "json_schema", name: "a", schema: { ...schema, required: "city" } } },
    "responseFormat.schema",
  ],
  ["an unknown effort", { reasoningEffort: "maximal" }, "reasoningEffort"],
  ["a seed that is no whole number", { seed: 0.5 }, "seed"],
  ["a seed that is not exact", { seed: 2 ** 53 }, "seed"],
  ["a stop with a NUL", { stop: ["\u0000"] }, "stop.0"],
  ["a stop with half of a character", { stop: "\uD83D" }, "stop"],
])("%s: refused, and the option is named", (_what, options, param) => {
  const error = thrownBy(() => parse(options));
  expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: `options.${param}` });
  expect(error.message).toMatch(new RegExp(`^options\\.${param.replaceAll(".", "\\.")}: .+\\.$`));
});

test.each([
  ["without a name", ""],
  ["with a long name", "x".repeat(41)],
  ["with a NUL in its name", "a\u0000"],
  ["that is no name", 7],
])("a provider %s is refused", (_what, provider) => {
  expect(thrownBy(() => parseChatRequest({ message: "Why?", provider })).toBody().error.param).toBe(
    "provider",
  );
});

test("300 messages are refused", () => {
  const messages = Array.from({ length: 300 }, () => ({ role: "user", content: "Why?" }));
  const error = thrownBy(() => parseChatRequest({ messages }));
  expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: "messages" });
  expect(parseChatRequest({ messages: messages.slice(0, 200) }).messages).toHaveLength(200);
});
