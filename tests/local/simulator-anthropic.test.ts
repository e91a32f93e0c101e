import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let sdk: Anthropic;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  sdk = createSdk({});
});
afterAll(() => simulator.stop());

function createSdk(headers: Record<string, string>, apiKey = "sk-ant-test-0123456789abcdef") {
  const baseURL = `${simulator.url}/anthropic`;
  return new Anthropic({ apiKey, baseURL, maxRetries: 0, defaultHeaders: headers });
}

type Params = Anthropic.MessageCreateParamsNonStreaming;

function params(commands: string, more: Partial<Params> = {}): Params {
  const model = commands === "" ? "claude-sonnet-5-5" : `claude-sonnet-5-5;${commands}`;
  return { model, max_tokens: 1000, messages: [{ role: "user", content: "What is a tide?" }], ...more };
}

const weather: Anthropic.Tool = {
  name: "weather",
  input_schema: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } },
};
const reset: Anthropic.Tool = { name: "reset", input_schema: { type: "object" } };
const png = { type: "base64" as const, media_type: "image/png" as const, data: "iVBORw0KGgo=" };

describe("a message", () => {
  test("is the same as JSON and as a stream, in the shape of Anthropic's", async () => {
    const message = await sdk.messages.create(params("tokens=20"));
    expect(message).toMatchObject({
      id: expect.stringMatching(/^msg_/),
      type: "message",
      role: "assistant",
      model: "claude-sonnet-5-5",
      content: [{ type: "text", text: expect.stringMatching(/^You said: What is a tide\? /) }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: {
        input_tokens: 11,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 20,
      },
    });
    const streamed = await sdk.messages.stream(params("tokens=20")).finalMessage();
    expect(streamed.content).toMatchObject(message.content);
    expect(streamed.usage.output_tokens).toBe(20);
    expect(streamed.stop_reason).toBe("end_turn");
  });

  test("streams its thoughts before its text, with a signature, and counts them", async () => {
    const commands = params("tokens=5;reasoning=8");
    const message = await sdk.messages.create(commands);
    expect(message.content).toMatchObject([
      { type: "thinking", thinking: expect.stringMatching(/^Hm, /), signature: expect.stringMatching(/./) },
      { type: "text" },
    ]);
    expect(message.usage).toMatchObject({ output_tokens: 13, output_tokens_details: { thinking_tokens: 8 } });
    const streamed = await sdk.messages.stream(commands).finalMessage();
    expect(streamed.content).toMatchObject(message.content);
    const omitted = { thinking: { type: "adaptive" as const, display: "omitted" as const } };
    const hidden = await sdk.messages.stream(params("tokens=5;reasoning=8", omitted)).finalMessage();
    expect(hidden.content[0]).toMatchObject({ type: "thinking", thinking: "" });
    expect(hidden.usage.output_tokens).toBe(13);
  });

  test("leaves what the cache held and took out of input_tokens", async () => {
    const { usage } = await sdk.messages.create(params("cached=4;cachewrite=2"));
    expect(usage).toMatchObject({
      input_tokens: 5,
      cache_read_input_tokens: 4,
      cache_creation_input_tokens: 2,
    });
  });

  test("counts a system prompt as a message, and an image as 500 tokens", async () => {
    const content: Anthropic.ContentBlockParam[] = [
      { type: "text", text: "four" },
      { type: "image", source: png },
      { type: "image", source: { type: "url", url: "https://example.com/tide.png" } },
    ];
    const messages = [{ role: "user" as const, content }];
    const { usage } = await sdk.messages.create(params("", { system: "Be brief.", messages }));
    expect(usage.input_tokens).toBe(Math.ceil((4 + 9) / 4) + 2 * 4 + 3 + 2 * 500);
  });

  test("satisfies the schema that output_config asks for", async () => {
    const schema = {
      type: "object",
      properties: { name: { type: "string" }, tags: { type: "array", items: { enum: ["a", "b"] } } },
      required: ["name", "tags"],
      additionalProperties: false,
    };
    const output_config = { format: { type: "json_schema" as const, schema } };
    const { content } = await sdk.messages.stream(params("", { output_config })).finalMessage();
    const document = JSON.parse(content[0]?.type === "text" ? content[0].text : "");
    expect(document).toEqual({ name: expect.any(String), tags: [expect.stringMatching(/^[ab]$/)] });
  });

  test.each([
    ["finish=length", "max_tokens"],
    ["finish=refusal", "refusal"],
    ["finish=content_filter", "refusal"],
  ])("with %s stops for %s", async (commands, reason) => {
    expect((await sdk.messages.create(params(commands))).stop_reason).toBe(reason);
    const streamed = await sdk.messages.stream(params(commands)).finalMessage();
    expect(streamed.stop_reason).toBe(reason);
    expect(streamed.stop_details?.type).toBe(reason === "refusal" ? "refusal" : undefined);
  });

  test("that is blocked has no content", async () => {
    const blocked = { content: [], stop_reason: "refusal", stop_details: { type: "refusal" } };
    expect(await sdk.messages.create(params("blocked"))).toMatchObject(blocked);
    expect(await sdk.messages.stream(params("blocked")).finalMessage()).toMatchObject(blocked);
  });
});

describe("tools", () => {
  const tools = [weather, reset];

  test("are called in parallel, the same in a stream, and answered with text", async () => {
    const asked = params("tools=3", { tools });
    const message = await sdk.messages.create(asked);
    const call = { type: "tool_use", id: expect.stringMatching(/^toolu_/) };
    expect(message).toMatchObject({
      stop_reason: "tool_use",
      content: [
        { ...call, name: "weather", input: { city: expect.any(String), days: expect.any(Number) } },
        { ...call, name: "reset", input: {} },
        { ...call, name: "weather" },
      ],
    });
    const streamed = await sdk.messages.stream(asked).finalMessage();
    const inputs = (each: typeof message) =>
      each.content.map((block) => block.type === "tool_use" && block.input);
    expect(inputs(streamed as typeof message)).toEqual(inputs(message));

    const ids = message.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
    expect(new Set(ids).size).toBe(3);
    const results = ids.map((tool_use_id) => ({
      type: "tool_result" as const,
      tool_use_id,
      content: "sunny",
    }));
    const answered = await sdk.messages.create(
      params("tools=3", {
        tools,
        messages: [
          ...asked.messages,
          { role: "assistant", content: message.content as Anthropic.ContentBlockParam[] },
          { role: "user", content: results },
        ],
      }),
    );
    expect(answered.content).toMatchObject([
      { type: "text", text: expect.stringMatching(/^You said: What/) },
    ]);
  });

  test("cost the tokens of their declaration", async () => {
    const { usage } = await sdk.messages.create(params("", { tools }));
    expect(usage.input_tokens).toBe(11 + Math.ceil(JSON.stringify(tools).length / 4));
  });

  test("are called one at a time where the request says so", async () => {
    const tool_choice = { type: "auto" as const, disable_parallel_tool_use: true };
    expect((await sdk.messages.create(params("tools=3", { tools, tool_choice }))).content).toHaveLength(1);
  });
});

test("Anthropic's client lists the models", async () => {
  const models = await sdk.models.list();
  expect(models.data.map(({ id }) => id)).toContain("claude-sonnet-5-5");
});
