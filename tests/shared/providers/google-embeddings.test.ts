import { json } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import type { EmbeddingRequest, Embeddings } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { googleRequest } from "./google-wire.ts";
import { answerWith } from "./openai-wire.ts";

async function embed(
  baseUrl: string,
  given: Partial<EmbeddingRequest> = {},
): Promise<Embeddings | undefined> {
  const { credential, signal } = googleRequest();
  const request = {
    upstreamModel: "gemini-embedding-2",
    credential,
    signal,
    input: ["a", "b"],
    dimensions: undefined,
  };
  return createGoogleProvider({ baseUrl, fetch }).embeddings?.embed({ ...request, ...given });
}

const vectors = [
  [0.25, -1],
  [1, 0],
];
const wireEmbeddings = (more: object = {}) =>
  JSON.stringify({ embeddings: vectors.map((values) => ({ values })), ...more });

describe("what is sent is every text, in order, and the length of the vectors:", () => {
  test.each([
    [undefined, {}],
    [256, { outputDimensionality: 256 }],
  ])("%s", async (dimensions, more) => {
    let sent: unknown;
    const url = await startServer(async (request, response) => {
      sent = [request.url, request.headers["x-goog-api-key"], await json(request)];
      response.end(wireEmbeddings());
    });
    await embed(url, { input: ["Grüße", "世界"], dimensions });
    const requests = ["Grüße", "世界"].map((text) => ({
      model: "models/gemini-embedding-2",
      content: { role: "user", parts: [{ text }] },
      ...more,
    }));
    const path = "/v1beta/models/gemini-embedding-2:batchEmbedContents";
    expect(sent).toEqual([path, googleRequest().credential.key.reveal(), { requests }]);
  });
});

test.each<[string, unknown, unknown]>([
  [
    "a count of the prompt",
    { promptTokenCount: 5, promptTokenDetails: [{ modality: "TEXT", tokenCount: 5 }] },
    { inputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 },
  ],
  ["nothing", undefined, null],
  ["no count", { promptTokenCount: "5" }, null],
])("the vectors come back in order, with usage from %s", async (_what, usageMetadata, usage) => {
  const url = await startServer(answerWith(wireEmbeddings({ usageMetadata })));
  expect(await embed(url)).toEqual({ vectors, usage });
});

test.each([
  ["too few vectors", JSON.stringify({ embeddings: [{ values: [1] }] })],
  ["a vector without numbers", JSON.stringify({ embeddings: [{ values: [1] }, { values: ["1"] }] })],
  ["an empty vector", JSON.stringify({ embeddings: [{ values: [1] }, { values: [] }] })],
  ["something else in place of a vector", JSON.stringify({ embeddings: [{ values: [1] }, null] })],
  ["no vectors", "{}"],
  ["no object", "null"],
  ["half a body", '{"embeddings":[{"val'],
])("an answer with %s is none", async (_what, body) => {
  const url = await startServer(answerWith(body));
  await expect(embed(url)).rejects.toMatchObject({ name: "ProviderError", failure: "interrupted" });
});

test("a refusal tells what to do about it", async () => {
  const error = { code: 429, status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "1.5s" }] };
  const url = await startServer(answerWith(JSON.stringify({ error }), 429));
  await expect(embed(url)).rejects.toMatchObject({ failure: "rate_limited", retryAfterMs: 1500 });
});
