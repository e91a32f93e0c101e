import { ApiError, type GenerateContentParameters, GoogleGenAI } from "@google/genai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { rejectionOf } from "./rejection.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let sdk: GoogleGenAI;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  sdk = createSdk();
});
afterAll(() => simulator.stop());

function createSdk(apiKey = "AIza-test-0123456789abcdef") {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: `${simulator.url}/google` } });
}

function params(commands: string, more: Partial<GenerateContentParameters> = {}): GenerateContentParameters {
  const model = commands === "" ? "gemini-3-pro-preview" : `gemini-3-pro-preview;${commands}`;
  return { model, contents: "What is a tide?", ...more };
}

/** Streams a reply, and joins the parts of one kind. */
async function stream(asked: GenerateContentParameters) {
  const chunks = [];
  for await (const chunk of await sdk.models.generateContentStream(asked)) chunks.push(chunk);
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  return {
    chunks,
    text: parts.map((part) => (part.thought ? "" : (part.text ?? ""))).join(""),
    thoughts: parts.map((part) => (part.thought ? part.text : "")).join(""),
    calls: parts.flatMap((part) => part.functionCall ?? []),
    last: chunks.at(-1),
  };
}

const functionDeclarations = [
  {
    name: "weather",
    parametersJsonSchema: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
    },
  },
  { name: "reset" },
];

describe("a response", () => {
  test("is the same as JSON and as a stream of whole responses, in the shape of Gemini's", async () => {
    const response = await sdk.models.generateContent(params("tokens=20"));
    expect(response.text).toMatch(/^You said: What is a tide\? /);
    expect(response).toMatchObject({
      modelVersion: "gemini-3-pro-preview",
      responseId: expect.stringMatching(/./),
      candidates: [{ finishReason: "STOP", index: 0, content: { role: "model" } }],
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 20, totalTokenCount: 31 },
    });
    const { text, chunks, last } = await stream(params("tokens=20"));
    expect(text).toBe(response.text);
    expect(chunks).toHaveLength(21);
    expect(last?.candidates?.[0]?.finishReason).toBe("STOP");
    expect(last?.usageMetadata).toEqual(response.usageMetadata);
    expect(chunks[4]?.usageMetadata?.candidatesTokenCount).toBe(5);
  });

  test("shows thoughts to who asks for them, and counts them beside the candidates", async () => {
    const config = { thinkingConfig: { includeThoughts: true } };
    const shown = await stream(params("tokens=5;reasoning=8", { config }));
    expect(shown.thoughts).toMatch(/^Hm, /);
    const json = await sdk.models.generateContent(params("tokens=5;reasoning=8", { config }));
    expect(json.candidates?.[0]?.content?.parts?.[0]).toEqual({ text: shown.thoughts, thought: true });
    expect(shown.chunks[2]?.usageMetadata?.thoughtsTokenCount).toBe(3);
    const hidden = await stream(params("tokens=5;reasoning=8"));
    expect(hidden.chunks[0]?.usageMetadata?.thoughtsTokenCount).toBe(8);
    expect(hidden.thoughts).toBe("");
    for (const { usageMetadata } of [json, shown.last ?? {}, hidden.last ?? {}])
      expect(usageMetadata).toMatchObject({
        candidatesTokenCount: 5,
        thoughtsTokenCount: 8,
        totalTokenCount: 24,
      });
  });

  test("counts what the cache held as a part of the prompt", async () => {
    const { usageMetadata } = await sdk.models.generateContent(params("cached=4"));
    expect(usageMetadata).toMatchObject({ promptTokenCount: 11, cachedContentTokenCount: 4 });
    const error = await rejectionOf(sdk.models.generateContent(params("cachewrite=4")));
    expect(String(error)).toContain("cachewrite");
  });

  test("counts a system prompt as a message, and an image as 500 tokens", async () => {
    const parts = [
      { text: "four" },
      { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } },
      { fileData: { mimeType: "image/png", fileUri: "https://example.com/tide.png" } },
    ];
    const { usageMetadata } = await sdk.models.generateContent(
      params("", { contents: [{ role: "user", parts }], config: { systemInstruction: "Be brief." } }),
    );
    expect(usageMetadata?.promptTokenCount).toBe(Math.ceil((4 + 9) / 4) + 2 * 4 + 3 + 2 * 500);
  });

  test("satisfies either kind of schema", async () => {
    const properties = { name: { type: "string" }, sizes: { type: "array", items: { type: "integer" } } };
    const responseJsonSchema = { type: "object", properties, required: ["name"] };
    const responseSchema = {
      type: "OBJECT",
      properties: { name: { type: "STRING" }, sizes: { type: "ARRAY", items: { type: "INTEGER" } } },
    };
    for (const schema of [{ responseJsonSchema }, { responseSchema }]) {
      const config = {
        responseMimeType: "application/json",
        ...schema,
      } as GenerateContentParameters["config"];
      const { text } = await stream(params("", { config: config ?? {} }));
      expect(JSON.parse(text)).toEqual({ name: expect.any(String), sizes: [expect.any(Number)] });
    }
  });

  test.each([
    ["finish=length", "MAX_TOKENS"],
    ["finish=content_filter", "SAFETY"],
    ["finish=refusal", "PROHIBITED_CONTENT"],
  ])("with %s finishes for %s", async (commands, reason) => {
    const response = await sdk.models.generateContent(params(commands));
    expect(response.candidates?.[0]?.finishReason).toBe(reason);
    expect((await stream(params(commands))).last?.candidates?.[0]?.finishReason).toBe(reason);
  });

  test("to a prompt that is blocked has no candidates", async () => {
    const blocked = { promptFeedback: { blockReason: "PROHIBITED_CONTENT" } };
    const response = await sdk.models.generateContent(params("blocked"));
    expect(response).toMatchObject(blocked);
    expect(response.candidates).toBeUndefined();
    const { chunks } = await stream(params("blocked"));
    expect(chunks).toMatchObject([blocked]);
  });
});

describe("functions", () => {
  const config = { tools: [{ functionDeclarations }] };

  test("are called in parallel, each whole, the first signed, and answered with text", async () => {
    const response = await sdk.models.generateContent(params("tools=3", { config }));
    const content = response.candidates?.[0]?.content ?? {};
    expect(content.parts).toEqual([
      {
        functionCall: { name: "weather", args: { city: expect.any(String), days: expect.any(Number) } },
        thoughtSignature: expect.any(String),
      },
      { functionCall: { name: "reset", args: {} } },
      { functionCall: { name: "weather", args: expect.anything() } },
    ]);
    expect((await stream(params("tools=3", { config }))).calls).toEqual(response.functionCalls);
    const user = { role: "user", parts: [{ text: "What is a tide?" }] };
    const answers = (response.functionCalls ?? []).map(({ name = "" }) => ({
      functionResponse: { name, response: { output: "sunny" } },
    }));
    const results = { role: "user", parts: answers };
    const contents = [user, content, results];
    const answered = await sdk.models.generateContent(params("tools=3", { config, contents }));
    expect(answered.text).toMatch(/^You said: What is/);
    const unsigned = { role: "model", parts: content.parts?.map(({ functionCall }) => ({ functionCall })) };
    const error = await rejectionOf(
      sdk.models.generateContent(params("", { contents: [user, unsigned, results] as never })),
    );
    expect(String(error)).toContain("thought_signature");
  });

  test("cost the tokens of their declaration", async () => {
    const { usageMetadata } = await sdk.models.generateContent(params("", { config }));
    const tokens = Math.ceil(JSON.stringify([{ functionDeclarations }]).length / 4);
    expect(usageMetadata?.promptTokenCount).toBe(11 + tokens);
  });
});

describe("a refusal", () => {
  test.each([
    ["status=400", 400, "INVALID_ARGUMENT"],
    ["status=400;code=API_KEY_INVALID", 400, "API_KEY_INVALID"],
    ["status=400;code=context_length_exceeded", 400, "exceeds the maximum number of tokens"],
    ["status=403", 403, "PERMISSION_DENIED"],
    ["status=404", 404, "NOT_FOUND"],
    ["status=429", 429, '"retryDelay":"2s"'],
    ["status=429;retryafter=45.8", 429, '"retryDelay":"45.8s"'],
    ["status=429;code=PerDay", 429, "PerDay"],
    ["status=500", 500, "INTERNAL"],
    ["status=502", 502, "Bad Gateway"],
    ["status=503", 503, "UNAVAILABLE"],
  ])("%s is thrown by Google's client as its own error", async (commands, status, text) => {
    for (const asking of [sdk.models.generateContent(params(commands)), stream(params(commands))]) {
      const error = await rejectionOf(asking);
      expect(error).toBeInstanceOf(ApiError);
      expect(error).toMatchObject({ status, message: expect.stringContaining(text) });
    }
  });

  test("ends a stream as a response that is an error", async () => {
    const error = await rejectionOf(stream(params("error=3")));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 503 });
  });

  test("meets a key that is missing, invalid, or in the URL", async () => {
    const invalid = await rejectionOf(createSdk("sk-invalid-1").models.generateContent(params("")));
    expect(invalid).toMatchObject({ status: 400, message: expect.stringContaining("API_KEY_INVALID") });
    const url = `${simulator.url}/google/v1beta/models/gemini-3-pro-preview:generateContent`;
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(403);
    const headers = { "x-goog-api-key": "AIza-test" };
    const inUrl = await fetch(`${url}?key=AIza-test`, { method: "POST", body: "{}", headers });
    expect([inUrl.status, await inUrl.text()]).toEqual([400, expect.stringContaining("x-goog-api-key")]);
  });

  const user = { role: "user", parts: [{ text: "Hello" }] };
  const called = { role: "model", parts: [{ functionCall: { name: "weather" }, thoughtSignature: "x" }] };
  const result = { role: "user", parts: [{ functionResponse: { name: "weather", response: {} } }] };

  test.each<[string, Record<string, unknown>, string]>([
    ["a role of OpenAI", { contents: [{ role: "assistant", parts: [{ text: "x" }] }] }, "valid role"],
    ["no contents", { contents: [] }, "contents is not specified"],
    ["an empty content", { contents: [{ role: "user", parts: [] }] }, "must not be empty"],
    ["a part without data", { contents: [{ role: "user", parts: [{}] }] }, "oneof field"],
    ["an unknown field", { max_tokens: 3 }, "max_tokens"],
    ["an unknown option", { generationConfig: { maxTokens: 3 } }, "maxTokens"],
    ["a high temperature", { generationConfig: { temperature: 3 } }, "temperature"],
    ["an answer without a call", { contents: [user, result] }, "immediately after a function call"],
    ["a call without an answer", { contents: [user, called, user] }, "equal to the number"],
    ["a schema without the type", { generationConfig: { responseJsonSchema: {} } }, "mime type"],
    [
      "a JSON schema in Gemini's place",
      {
        generationConfig: {
          responseMimeType: "application/json",
          responseSchema: { type: "OBJECT", additionalProperties: false },
        },
      },
      "additionalProperties",
    ],
    [
      "a function with a bad name",
      { tools: [{ functionDeclarations: [{ name: "1" }] }] },
      "Invalid function name",
    ],
  ])("meets a request with %s", async (_, more, text) => {
    const url = `${simulator.url}/google/v1beta/models/gemini-3-pro-preview:generateContent`;
    const response = await fetch(url, {
      method: "POST",
      headers: { "x-goog-api-key": "AIza-test" },
      body: JSON.stringify({ contents: [user], ...more }),
    });
    expect(response.status).toBe(400);
    const { error } = await response.json();
    expect(error).toMatchObject({ code: 400, status: "INVALID_ARGUMENT" });
    expect(error.message).toContain(text);
  });
});

test("commands are read from a path whose model is encoded", async () => {
  const model = encodeURIComponent("gemini-2.5-flash;tokens=3");
  const response = await fetch(`${simulator.url}/google/v1beta/models/${model}:generateContent`, {
    method: "POST",
    headers: { "x-goog-api-key": "AIza-test" },
    body: JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }] }),
  });
  expect(await response.json()).toMatchObject({
    modelVersion: "gemini-2.5-flash",
    usageMetadata: { candidatesTokenCount: 3 },
  });
});

test("a path that cannot be decoded is a 404", async () => {
  const init = { method: "POST", headers: { "x-goog-api-key": "AIza-test" }, body: "{}" };
  const response = await fetch(`${simulator.url}/google/v1beta/models/%zz:generateContent`, init);
  expect(response.status).toBe(404);
});

describe("Google's client", () => {
  test("lists the models", async () => {
    const names = [];
    for await (const model of await sdk.models.list()) names.push(model.name);
    expect(names).toContain("models/gemini-2.5-flash");
  });

  test("embeds texts, the same text always alike", async () => {
    const model = "gemini-embedding-001";
    const config = { outputDimensionality: 8 };
    const { embeddings = [] } = await sdk.models.embedContent({ model, contents: ["tide", "wave"], config });
    expect(embeddings.map(({ values }) => values?.length)).toEqual([8, 8]);
    expect(embeddings[0]).not.toEqual(embeddings[1]);
    const again = await sdk.models.embedContent({ model, contents: "tide", config });
    expect(again.embeddings).toEqual(embeddings.slice(0, 1));
    const url = `${simulator.url}/google/v1beta/models/${model}:embedContent`;
    const body = JSON.stringify({ content: { parts: [{ text: "tide" }] }, outputDimensionality: 8 });
    const single = await fetch(url, { method: "POST", headers: { "x-goog-api-key": "AIza-test" }, body });
    expect((await single.json()).embedding).toEqual(embeddings[0]);
  });
});
