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

/** Streams a reply with OpenAI's own accumulator. */
function finalCompletion(asked: Params) {
  const stream_options = { include_usage: true };
  return sdk.chat.completions.stream({ ...asked, stream: true, stream_options }).finalChatCompletion();
}

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: {
        type: "object",
        properties: { city: { type: "string" }, days: { type: "integer" }, unit: { enum: ["c", "f"] } },
      },
    },
  },
  { type: "function", function: { name: "reset" } },
];

describe("tools", () => {
  test("are called in parallel, the same in pieces, and answered with text", async () => {
    const asked = params("tools=3", { tools });
    const completion = await sdk.chat.completions.create(asked);
    const [choice] = completion.choices;
    expect(choice).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    const calls = choice?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === "function" && call.function.name)).toEqual([
      "weather",
      "reset",
      "weather",
    ]);
    const given = calls.map((call) =>
      call.type === "function" ? JSON.parse(call.function.arguments) : null,
    );
    expect(given).toEqual([
      { city: expect.any(String), days: expect.any(Number), unit: expect.stringMatching(/^[cf]$/) },
      {},
      expect.anything(),
    ]);
    const streamed = await finalCompletion(asked);
    expect(streamed.choices[0]?.finish_reason).toBe("tool_calls");
    expect(streamed.usage).toEqual(completion.usage);
    const names = (each: OpenAI.ChatCompletion) =>
      each.choices[0]?.message.tool_calls?.map((call) => call.type === "function" && { ...call.function });
    expect(names(streamed)).toMatchObject(names(completion) as object[]);

    const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "sunny" }));
    const assistant = { role: "assistant" as const, content: null, tool_calls: calls };
    const messages = [question, assistant, ...results];
    const answered = await sdk.chat.completions.create(params("tools=3", { tools, messages }));
    expect(answered.choices[0]?.message.content).toMatch(/^You said: What/);
  });

  test("stream their arguments in pieces, each of which is a token", async () => {
    const stream = await sdk.chat.completions.create({ ...params("tools=1", { tools }), stream: true });
    const pieces: string[] = [];
    for await (const chunk of stream)
      for (const call of chunk.choices[0]?.delta.tool_calls ?? [])
        pieces.push(call.function?.arguments ?? "");
    const { usage } = await sdk.chat.completions.create(params("tools=1", { tools }));
    expect(pieces[0]).toBe("");
    expect(pieces.length - 1).toBe(usage?.completion_tokens);
    expect(new Set(pieces.slice(1).map((piece) => piece.length))).toEqual(new Set([4]));
  });

  test("have text before them where it is asked for, cost their declaration, and stop at the limit", async () => {
    const spoken = await sdk.chat.completions.create(params("tools=1;tokens=5", { tools }));
    expect(Buffer.byteLength(spoken.choices[0]?.message.content ?? "")).toBe(20);
    expect(spoken.usage?.prompt_tokens).toBe(11 + Math.ceil(JSON.stringify(tools).length / 4));
    const limited = params("tools=3", { tools, max_completion_tokens: 14 });
    const { choices } = await sdk.chat.completions.create(limited);
    expect(choices[0]?.finish_reason).toBe("length");
    expect(choices[0]?.message.tool_calls).toHaveLength(2);
    const alone = params("tools=3", { tools, parallel_tool_calls: false });
    expect((await sdk.chat.completions.create(alone)).choices[0]?.message.tool_calls).toHaveLength(1);
  });

  test("can be cut in the middle of their arguments", async () => {
    const stream = await sdk.chat.completions.create({ ...params("tools=1;cut=2", { tools }), stream: true });
    let given = "";
    const reading = (async () => {
      for await (const chunk of stream)
        for (const call of chunk.choices[0]?.delta.tool_calls ?? []) given += call.function?.arguments ?? "";
    })();
    await expect(reading).rejects.toThrow();
    expect(given).toHaveLength(8);
  });
});

describe("a reply", () => {
  test("satisfies the schema that is asked for", async () => {
    const schema = {
      type: "object",
      properties: {
        title: { type: "string", minLength: 12 },
        rating: { type: "integer", minimum: 10, maximum: 12 },
        share: { type: "number" },
        isOpen: { type: "boolean" },
        kind: { enum: ["sea", "lake"] },
        nothing: { type: ["null", "string"] },
        places: {
          type: "array",
          minItems: 2,
          items: {
            type: "object",
            properties: { ö: { $ref: "#/$defs/name" } },
            required: ["ö"],
            additionalProperties: false,
          },
        },
      },
      required: ["title", "rating", "share", "isOpen", "kind", "nothing", "places"],
      additionalProperties: false,
      $defs: { name: { type: "string" } },
    };
    const response_format = {
      type: "json_schema" as const,
      json_schema: { name: "tide", strict: true, schema },
    };
    const asked = params("", { response_format });
    const { choices, usage } = await sdk.chat.completions.create(asked);
    const content = choices[0]?.message.content ?? "";
    expect(JSON.parse(content)).toEqual({
      title: expect.stringMatching(/^.{12,}$/),
      rating: expect.toSatisfy((rating) => [10, 11, 12].includes(rating)),
      share: expect.any(Number),
      isOpen: expect.any(Boolean),
      kind: expect.stringMatching(/^(sea|lake)$/),
      nothing: expect.any(String),
      places: [{ ö: expect.any(String) }, { ö: expect.any(String) }],
    });
    expect(usage?.completion_tokens).toBe(content.length / 4);
    expect((await finalCompletion(asked)).choices[0]?.message.content).toBe(content);
    const cut = await sdk.chat.completions.create({ ...asked, max_completion_tokens: 3 });
    expect(cut.choices[0]).toMatchObject({
      finish_reason: "length",
      message: { content: content.slice(0, 12) },
    });
  });

  test("is JSON where any JSON is asked for", async () => {
    const response_format = { type: "json_object" as const };
    const { choices } = await sdk.chat.completions.create(params("", { response_format }));
    expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ answer: expect.any(String) });
  });

  test("shows its thoughts as compatible services do, on command", async () => {
    for (const [commands, thoughts] of [
      ["reasoning=4;reasoning_text", 4],
      ["reasoning=4", 0],
    ] as const) {
      const stream = await sdk.chat.completions.create({ ...params(commands), stream: true });
      const said: string[] = [];
      for await (const chunk of stream) {
        const { delta } = chunk.choices[0] ?? {};
        said.push((delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? "");
      }
      expect(said.filter((text) => text !== "")).toHaveLength(thoughts);
      const { choices, usage } = await sdk.chat.completions.create(params(commands));
      const message = choices[0]?.message as { reasoning_content?: string } | undefined;
      expect(message?.reasoning_content ?? "").toBe(said.join(""));
      expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(4);
    }
  });

  test("counts 500 tokens an image, and tells what was written to the cache", async () => {
    const content: OpenAI.ChatCompletionContentPart[] = [
      { type: "text", text: "four" },
      { type: "image_url", image_url: { url: "https://example.com/tide.png" } },
      { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
    ];
    const messages = [{ role: "user" as const, content }];
    const { usage } = await sdk.chat.completions.create(params("cached=3;cachewrite=5", { messages }));
    expect(usage).toMatchObject({
      prompt_tokens: 1 + 4 + 3 + 2 * 500,
      prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 5 },
    });
  });

  test.each([
    ["finish=length", "length", /^You said/, null],
    ["finish=content_filter", "content_filter", /^You said/, null],
    ["finish=refusal", "stop", null, /^You said/],
    ["blocked", "content_filter", /^$/, null],
  ])("with %s finishes so", async (commands, reason, content, refusal) => {
    for (const { choices } of [
      await sdk.chat.completions.create(params(commands)),
      await finalCompletion(params(commands)),
    ]) {
      expect(choices[0]?.finish_reason).toBe(reason);
      if (content) expect(choices[0]?.message.content).toMatch(content);
      if (refusal) expect(choices[0]?.message.refusal).toMatch(refusal);
    }
  });
});

describe("embeddings", () => {
  const model = "text-embedding-3-small";

  test("are the same as numbers and in base64, as long as asked for, and counted by their texts", async () => {
    const input = ["tide", "wave!"];
    const floats = await sdk.embeddings.create({ model, input, dimensions: 8, encoding_format: "float" });
    expect(floats).toMatchObject({ model, usage: { prompt_tokens: 3, total_tokens: 3 } });
    expect(floats.data.map(({ embedding, index }) => [embedding.length, index])).toEqual([
      [8, 0],
      [8, 1],
    ]);
    // OpenAI's client asks for base64 unless told otherwise.
    const decoded = await sdk.embeddings.create({ model, input, dimensions: 8 });
    for (const [at, { embedding }] of decoded.data.entries())
      expect([...embedding]).toEqual(floats.data[at]?.embedding);
    const length = Math.hypot(...(floats.data[0]?.embedding ?? []));
    expect(length).toBeCloseTo(1);
    expect((await sdk.embeddings.create({ model, input: "tide" })).data[0]?.embedding).toHaveLength(1536);
  });

  test("are refused on command, and for what is no text", async () => {
    const refused = sdk.embeddings.create({ model: `${model};status=429`, input: "tide" });
    expect(await rejectionOf(refused)).toBeInstanceOf(OpenAI.RateLimitError);
    for (const bad of [{ input: [] }, { input: "" }, { input: "x", dimensions: 0 }])
      expect(await rejectionOf(sdk.embeddings.create({ model, ...bad }))).toBeInstanceOf(
        OpenAI.BadRequestError,
      );
  });
});
