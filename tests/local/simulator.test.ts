import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSimulatorClient, readBody, readChunks, readData, readReply } from "./simulator-client.ts";

const key = "sk-test-0123456789abcdef";
let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

function createSdk(apiKey = key) {
  return new OpenAI({ apiKey, baseURL: `${simulator.url}/openai/v1`, maxRetries: 0 });
}

describe("a reply", () => {
  test("has the shape of OpenAI's completion", async () => {
    const response = await client.ask("What is a tide?");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "gpt-4o-mini",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: expect.stringMatching(/^You said: What is a tide\? /),
            refusal: null,
            annotations: [],
          },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: 11,
        completion_tokens: 50,
        total_tokens: 61,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      service_tier: "default",
      system_fingerprint: expect.any(String),
    });
  });

  test("streams as a chunk with the role, a chunk a token, a finish, the usage and [DONE]", async () => {
    const response = await client.stream("What is a wave?");
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const { text, broken } = await readBody(response);
    expect(broken).toBe(false);
    expect(readData(text).at(-1)).toBe("[DONE]");
    const chunks = readChunks(text);
    expect(chunks).toHaveLength(1 + 50 + 1 + 1);
    const envelope = {
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion.chunk",
      created: expect.any(Number),
      model: "gpt-4o-mini",
      service_tier: "default",
      system_fingerprint: expect.any(String),
      obfuscation: expect.any(String),
    };
    const choice = { index: 0, logprobs: null, finish_reason: null };
    const role = { role: "assistant", content: "", refusal: null };
    expect(chunks[0]).toEqual({ ...envelope, choices: [{ ...choice, delta: role }], usage: null });
    expect(chunks[1]).toEqual({
      ...envelope,
      choices: [{ ...choice, delta: { content: "You " } }],
      usage: null,
    });
    expect(chunks[51]).toEqual({
      ...envelope,
      choices: [{ ...choice, delta: {}, finish_reason: "stop" }],
      usage: null,
    });
    expect(chunks[52]).toMatchObject({ choices: [], usage: { completion_tokens: 50, total_tokens: 61 } });
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
  });

  test("is the same text and usage as JSON, as a stream, and when it is asked for again", async () => {
    const json = await (await client.ask("Same question")).json();
    for (let round = 0; round < 2; round++) {
      const { text } = await readBody(await client.stream("Same question"));
      expect(readReply(text)).toEqual({ tokens: 50, content: json.choices[0].message.content });
      expect(readChunks(text).at(-1)?.usage).toEqual(json.usage);
    }
    const other = await (await client.ask("Some question")).json();
    const words = (reply: typeof json) => reply.choices[0].message.content.split(" question ")[1];
    expect(words(other)).not.toBe(words(json));
  });

  test("tells usage and obfuscation in a stream only as stream_options say", async () => {
    const bare = await readBody(await client.ask("Bare", { stream: true }));
    for (const chunk of readChunks(bare.text)) expect(chunk).not.toHaveProperty("usage");
    expect(readReply(bare.text).tokens).toBe(50);
    const options = { stream: true, stream_options: { include_obfuscation: false } };
    const plain = await readBody(await client.ask("Plain", options));
    for (const chunk of readChunks(plain.text)) expect(chunk).not.toHaveProperty("obfuscation");
  });

  test.each(["max_tokens", "max_completion_tokens"])(
    "is cut by %s, with finish reason length",
    async (name) => {
      const json = await (await client.ask("Cut me", { [name]: 7 })).json();
      expect(json.choices[0].finish_reason).toBe("length");
      expect(json.usage.completion_tokens).toBe(7);
      const { text } = await readBody(await client.ask("Cut me", { [name]: 7, stream: true }));
      expect(readReply(text)).toEqual({ tokens: 7, content: json.choices[0].message.content });
      expect(readChunks(text).at(-1)?.choices[0]?.finish_reason).toBe("length");
    },
  );

  test("never counts more prompt tokens than UTF-8 bytes, 4 a message and 3 more", async () => {
    for (const content of ["", "a", "🌊🌊🌊", "é".repeat(1000), [{ type: "text", text: "parts" }]]) {
      const messages = [
        { role: "system", content: "Be brief." },
        { role: "user", content },
      ];
      const { usage } = await (await client.ask("", { messages })).json();
      const text = typeof content === "string" ? content : "parts";
      expect(usage.prompt_tokens).toBeLessThanOrEqual(Buffer.byteLength(`Be brief.${text}`) + 2 * 4 + 3);
      expect(usage.prompt_tokens).toBeGreaterThan(Buffer.byteLength(text) / 4);
    }
  });
});

describe("OpenAI's own client", () => {
  const messages = [{ role: "user" as const, content: "Hello from the SDK" }];

  test("reads a reply, a stream and the models", async () => {
    const sdk = createSdk();
    const completion = await sdk.chat.completions.create({ model: "gpt-4o", messages });
    const stream = await sdk.chat.completions.create({
      model: "gpt-4o",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let content = "";
    let usage: unknown;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(content).toBe(completion.choices[0]?.message.content);
    expect(usage).toEqual(completion.usage);
    expect((await sdk.models.list()).data.map((model) => model.id)).toContain("gpt-4o-mini");
  });

  test.each([
    ["status=400", OpenAI.BadRequestError],
    ["status=401", OpenAI.AuthenticationError],
    ["status=429", OpenAI.RateLimitError],
    ["status=500", OpenAI.InternalServerError],
    ["status=503", OpenAI.InternalServerError],
  ])("throws its own error for %s", async (commands, errorClass) => {
    const model = `gpt-4o-mini;${commands}`;
    await expect(createSdk().chat.completions.create({ model, messages })).rejects.toBeInstanceOf(errorClass);
    await expect(
      createSdk().chat.completions.create({ model, messages, stream: true }),
    ).rejects.toBeInstanceOf(errorClass);
  });

  test("throws on an error inside a stream", async () => {
    const model = "gpt-4o-mini;error=3";
    const stream = await createSdk().chat.completions.create({ model, messages, stream: true });
    let tokens = 0;
    const reading = (async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) tokens++;
    })();
    await expect(reading).rejects.toBeInstanceOf(OpenAI.APIError);
    expect(tokens).toBe(3);
  });
});

describe("a bad request", () => {
  const invalid = { type: "invalid_request_error" };

  test("without a key, or with one that starts with sk-invalid, is refused for its key alone", async () => {
    for (const authorization of ["", "Basic abc", "Bearer ", "Bearer sk-invalid-0123456789abcdefWXYZ"]) {
      const response = await client.ask("Hello", {}, { headers: { authorization }, body: "{" });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { ...invalid, code: "invalid_api_key" } });
    }
    const models = await fetch(`${simulator.url}/openai/v1/models`);
    expect(models.status).toBe(401);
  });

  test("with an invalid key is answered with the ends of that key, never with all of it", async () => {
    for (const secret of ["sk-invalid-0123456789abcdefWXYZ", "sk-invalid"]) {
      const response = await client.ask("Hello", {}, { headers: { authorization: `Bearer ${secret}` } });
      const { message } = (await response.json()).error;
      expect(message).toMatch(/^Incorrect API key provided: sk\S*\*\*\*\S+\. /);
      expect(message).not.toContain(secret);
      expect(message).not.toContain("0123456789");
    }
  });

  test("to an unknown path gets OpenAI's 404", async () => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${simulator.url}/openai/v1/chats?x=1`, { headers });
    expect(response.status).toBe(404);
    const error = { ...invalid, message: "Invalid URL (GET /v1/chats)", param: null, code: null };
    expect(await response.json()).toEqual({ error });
  });

  test("outside every provider's paths is told which there are", async () => {
    const response = await fetch(`${simulator.url}/v1/models`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("/openai/v1");
  });

  test.each([
    ["malformed JSON", `{"model":`, null, null],
    ["JSON that is no object", "[1]", null, null],
    ["no model", `{"messages":[{"role":"user","content":"x"}]}`, null, null],
    ["no messages", `{"model":"gpt-4o"}`, "messages", "missing_required_parameter"],
    ["empty messages", `{"model":"gpt-4o","messages":[]}`, "messages", "empty_array"],
    ["a message of null", `{"model":"gpt-4o","messages":[null]}`, "messages[0].role", "invalid_value"],
    [
      "an unknown role",
      `{"model":"gpt-4o","messages":[{"role":"boss","content":"x"}]}`,
      "messages[0].role",
      "invalid_value",
    ],
    [
      "content of a wrong type",
      `{"model":"gpt-4o","messages":[{"role":"user","content":7}]}`,
      "messages[0].content",
      "invalid_type",
    ],
    [
      "max_tokens of 0",
      `{"model":"gpt-4o","max_tokens":0,"messages":[{"role":"user","content":"x"}]}`,
      "max_tokens",
      "integer_below_min_value",
    ],
  ])("with %s is a 400 in OpenAI's shape", async (_, body, param, code) => {
    const response = await client.ask("", {}, { body });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { ...invalid, message: expect.any(String), param, code },
    });
  });
});

test("a port that is taken is named, with a remedy", async () => {
  const port = Number(new URL(simulator.url).port);
  await expect(startSimulator({ port })).rejects.toThrow(
    `port ${port} is taken; stop what uses it or choose`,
  );
});
