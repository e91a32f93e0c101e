import type { RequestListener } from "node:http";
import { json } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import * as dialects from "../../../shared/providers/openai-dialects.ts";
import type { Embeddings } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { testCredential } from "./ask-provider.ts";
import { answerWith } from "./openai-wire.ts";
import { hasRecordings, readRecording } from "./recordings.ts";

interface Asked {
  input?: string[];
  dimensions?: number;
  dialect?: dialects.Dialect;
}

async function embed(
  listener: RequestListener,
  { input = ["one", "two"], dimensions, dialect = dialects.openai }: Asked = {},
): Promise<Embeddings> {
  const provider = createOpenAIProvider({ baseUrl: `${await startServer(listener)}/v1`, fetch, dialect });
  if (provider.embeddings === null) throw new Error("there are no embeddings");
  return provider.embeddings.embed({
    upstreamModel: "text-embedding-3-small",
    credential: testCredential(),
    signal: new AbortController().signal,
    input,
    dimensions,
  });
}

const usage = { prompt_tokens: 12, total_tokens: 12 };
const wireEmbeddings = (data: unknown, more: object = { usage }) =>
  JSON.stringify({ object: "list", model: "text-embedding-3-small", data, ...more });
const item = (index: number, embedding: unknown) => ({ object: "embedding", index, embedding });
const whole = wireEmbeddings([item(0, [0.25, -1]), item(1, [1e-7, 0])]);

describe("what is sent is what was asked:", () => {
  async function send(asked: Asked): Promise<unknown> {
    let sent: unknown;
    await embed(async (request, response) => {
      sent = { url: request.url, authorization: request.headers.authorization, body: await json(request) };
      response.end(whole);
    }, asked);
    return sent;
  }

  test("texts, for vectors of the model's length", async () => {
    expect(await send({})).toEqual({
      url: "/v1/embeddings",
      authorization: "Bearer sk-test-0123456789abcdef",
      body: { model: "text-embedding-3-small", input: ["one", "two"], encoding_format: "float" },
    });
  });

  test("a length, by the name that the service has for it", async () => {
    expect(await send({ dimensions: 256 })).toMatchObject({ body: { dimensions: 256 } });
    const { body } = (await send({ dimensions: 256, dialect: dialects.mistral })) as { body: object };
    expect(body).toMatchObject({ output_dimension: 256 });
    expect(body).not.toHaveProperty("dimensions");
  });
});

describe("there is one vector a text, in the order of the texts,", () => {
  const vectors = [
    [0.25, -1],
    [1e-7, 0],
  ];
  const counted = {
    inputTokens: 12,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };

  test("with the usage", async () => {
    expect(await embed(answerWith(whole))).toEqual({ vectors, usage: counted });
  });

  test("also where they come in another order", async () => {
    const turned = wireEmbeddings([item(1, vectors[1]), item(0, vectors[0])]);
    expect((await embed(answerWith(turned))).vectors).toEqual(vectors);
  });

  test("also where they are not numbered", async () => {
    const plain = wireEmbeddings(vectors.map((embedding) => ({ embedding })));
    expect((await embed(answerWith(plain))).vectors).toEqual(vectors);
  });

  test("and no more", async () => {
    const more = wireEmbeddings([...vectors, [1, 1]].map((embedding, index) => item(index, embedding)));
    expect((await embed(answerWith(more))).vectors).toEqual(vectors);
  });

  test.each([{}, { usage: null }, { usage: {} }, { usage: { prompt_tokens: -1 } }])(
    "also where the usage is %j",
    async (more) => {
      const body = wireEmbeddings([item(0, vectors[0]), item(1, vectors[1])], more);
      expect(await embed(answerWith(body))).toEqual({ vectors, usage: null });
    },
  );

  test.skipIf(!hasRecordings)("as in a true answer", async () => {
    const answer = await embed(answerWith(readRecording("openai/openai-embedding.json")));
    expect(answer.vectors.map((vector) => vector[0])).toEqual([0.0057293195, -0.037104916]);
    expect(answer.usage).toEqual(counted);
  });
});

test.each([
  ["one of them is missing", wireEmbeddings([item(0, [1])])],
  ["one comes twice and another not at all", wireEmbeddings([item(0, [1]), item(0, [2])])],
  ["one is not of the texts", wireEmbeddings([item(0, [1]), item(2, [2])])],
  ["one is empty", wireEmbeddings([item(0, [1]), item(1, [])])],
  ["one is no list of numbers", wireEmbeddings([item(0, [1]), item(1, ["1"])])],
  ["one is in base64", wireEmbeddings([item(0, [1]), item(1, "AACAPw==")])],
  ["one is nothing", wireEmbeddings([item(0, [1]), null])],
  ["there is no list", wireEmbeddings({ length: 2 })],
])("embeddings of which %s are an interruption, which is paid for", async (_what, body) => {
  await expect(embed(answerWith(body))).rejects.toMatchObject({
    name: "ProviderError",
    failure: "interrupted",
    usage: { inputTokens: 12 },
  });
});

test.each([
  ["half a body", whole.slice(0, 60), 200, "interrupted"],
  ["no object", "null", 200, "interrupted"],
  ["an error instead", '{"error":{"message":"No.","code":503}}', 200, "unavailable"],
  ["a refusal", '{"error":{"message":"Wait.","code":"rate_limit_exceeded"}}', 429, "rate_limited"],
  ["a refusal of the key", '{"error":{"message":"No.","code":"invalid_api_key"}}', 401, "credential"],
])("%s is told from embeddings", async (_what, body, status, failure) => {
  await expect(embed(answerWith(body, status))).rejects.toMatchObject({ name: "ProviderError", failure });
});

test("services without embeddings say so", () => {
  const { groq, deepseek, openai } = dialects;
  const has = (dialect: dialects.Dialect) =>
    createOpenAIProvider({ baseUrl: "https://provider.test", fetch, dialect }).embeddings !== null;
  expect([groq, deepseek, openai].map(has)).toEqual([false, false, true]);
});
