import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { rejectionOf } from "./rejection.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let sdk: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  sdk = new OpenAI({ apiKey: "sk-test", baseURL: `${simulator.url}/openai/v1`, maxRetries: 0 });
});
afterAll(() => simulator.stop());

type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
const question = { role: "user" as const, content: "What is a tide?" };

function params(commands: string, more: Partial<Params> = {}): Params {
  const model = commands === "" ? "gpt-4o-mini" : `gpt-4o-mini;${commands}`;
  return { model, messages: [question], ...more };
}

describe("a refusal", () => {
  const assistant = {
    role: "assistant",
    tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: "{}" } }],
  };
  const result = { role: "tool", tool_call_id: "call_1", content: "sunny" };

  test.each([
    ["status=402", 402, "invalid_request_error"],
    ["status=403", 403, "unsupported_country_region_territory"],
    ["status=404", 404, "model_not_found"],
    ["status=408", 408, null],
    ["status=422", 422, null],
    ["status=400;code=content_policy", 400, "content_policy_violation"],
    ["status=429;code=credit_balance_exhausted", 429, "credit_balance_exhausted"],
  ])("%s has OpenAI's code", async (commands, status, code) => {
    expect(await rejectionOf(sdk.chat.completions.create(params(commands)))).toMatchObject({ status, code });
  });

  test.each([413, 502, 504])("status=%i is a page, as from a proxy", async (status) => {
    const error = await rejectionOf(sdk.chat.completions.create(params(`status=${status}`)));
    expect(error).toMatchObject({ status, message: expect.stringContaining("<html>") });
  });

  test("says when to come back as commanded", async () => {
    const waits = [];
    for (const commands of [
      "status=429;retryafter=0.5",
      "status=429;retryafter=0",
      "status=503;retryafter=3",
    ]) {
      const error = await rejectionOf(sdk.chat.completions.create(params(commands)));
      const headers = error instanceof OpenAI.APIError ? error.headers : undefined;
      waits.push([headers?.get("retry-after"), headers?.get("retry-after-ms")]);
    }
    expect(waits).toEqual([
      ["1", "500"],
      [null, null],
      ["3", "3000"],
    ]);
  });

  test.each<[string, object, string]>([
    ["a result that nobody asked for", { messages: [question, result] }, "preceeding message"],
    [
      "a result of another call",
      { messages: [question, assistant, { ...result, tool_call_id: "x" }] },
      "preceeding message",
    ],
    ["a call without a result", { messages: [question, assistant, question] }, "call_1"],
    ["a call without a result at the end", { messages: [question, assistant] }, "call_1"],
    ["an unknown parameter", { maxTokens: 5 }, "maxTokens"],
    ["both limits", { max_tokens: 5, max_completion_tokens: 5 }, "at the same time"],
    ["no content", { messages: [{ role: "user" }] }, "messages[0].content"],
    ["an image of Anthropic", { messages: [{ role: "user", content: [{ type: "image" }] }] }, "image"],
    [
      "an image that is no URL",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
      "image URL",
    ],
    ["a tool without a type", { tools: [{ name: "x" }] }, "'function'"],
    [
      "a tool with a bad schema",
      { tools: [{ type: "function", function: { name: "x", parameters: { type: "string" } } }] },
      "Invalid schema for function 'x'",
    ],
    ["a choice without tools", { tool_choice: "auto" }, "tool_choice"],
    [
      "a loose strict schema",
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "x", strict: true, schema: { type: "object" } },
        },
      },
      "additionalProperties",
    ],
    ["stream options and no stream", { stream_options: { include_usage: true } }, "stream_options"],
    ["a limit of old for a new model", { model: "o4-mini", max_tokens: 5 }, "max_completion_tokens"],
    ["a temperature for a model that reasons", { model: "gpt-5-mini", temperature: 0.3 }, "temperature"],
    ["tools commanded and none declared", { model: "gpt-4o-mini;tools=1" }, "declares none"],
  ])("meets a request with %s", async (_, more, text) => {
    const error = await rejectionOf(sdk.chat.completions.create(params("", more as Partial<Params>)));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(String(error)).toContain(text);
  });

  test("does not meet what compatible services know and OpenAI does not", async () => {
    const more = { model: "deepseek-chat", thinking: { type: "enabled" } } as Partial<Params>;
    expect((await sdk.chat.completions.create(params("", more))).choices[0]?.finish_reason).toBe("stop");
  });
});
