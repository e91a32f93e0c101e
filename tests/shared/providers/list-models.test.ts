import { describe, expect, test } from "vitest";
import { createSecret } from "../../../shared/domain/secret.ts";
import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { type Provider, ProviderError } from "../../../shared/providers/provider.ts";

const signal = new AbortController().signal;

const rejectionOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (thrown: unknown) => thrown as ProviderError,
  );

interface Sent {
  url: URL;
  method: string;
  headers: Headers;
}

/** Lists models by an adapter whose requests are answered with these bodies, one after the other. */
function createList(
  create: (options: { baseUrl: string; fetch: typeof fetch }) => Provider,
  ...bodies: unknown[]
) {
  const sent: Sent[] = [];
  const provider = create({
    baseUrl: "https://provider.example.com",
    fetch: async (input, init) => {
      sent.push({
        url: new URL(String(input)),
        method: String(init?.method),
        headers: new Headers(init?.headers),
      });
      const body = bodies[sent.length - 1];
      return body instanceof Response ? body : Response.json(body);
    },
  });
  const credential = { id: "env:test", key: createSecret("sk-canary-0123456789abcdef") };
  return { sent, list: () => provider.listModels({ credential, signal }) };
}

test("OpenAI's names are listed, and the context where a compatible service tells it", async () => {
  const { sent, list } = createList(createOpenAIProvider, {
    data: [
      { id: "gpt-4o" },
      { id: "a/b", context_length: 8000 },
      { id: "vllm", max_model_len: 4096 },
      { id: "groq", context_window: -1 },
    ],
  });
  expect(await list()).toEqual([
    { id: "gpt-4o", contextTokens: null },
    { id: "a/b", contextTokens: 8000 },
    { id: "vllm", contextTokens: 4096 },
    { id: "groq", contextTokens: null },
  ]);
  expect(sent.map(({ method, url }) => [method, url.href])).toEqual([
    ["GET", "https://provider.example.com/models"],
  ]);
  expect(sent[0]?.headers.get("authorization")).toBe("Bearer sk-canary-0123456789abcdef");
});

test("Anthropic's are listed page by page", async () => {
  const { sent, list } = createList(
    createAnthropicProvider,
    { data: [{ id: "claude-a", max_input_tokens: 200_000 }], has_more: true, last_id: "claude-a" },
    { data: [{ id: "claude-b", max_input_tokens: null }], has_more: false, last_id: "claude-b" },
  );
  expect(await list()).toEqual([
    { id: "claude-a", contextTokens: 200_000 },
    { id: "claude-b", contextTokens: null },
  ]);
  expect(sent.map(({ url }) => url.pathname + url.search)).toEqual([
    "/v1/models?limit=1000",
    "/v1/models?limit=1000&after_id=claude-a",
  ]);
  expect(sent[0]?.headers.get("x-api-key")).toBe("sk-canary-0123456789abcdef");
});

test("Google's are listed page by page, those alone that can be called", async () => {
  const { sent, list } = createList(
    createGoogleProvider,
    {
      models: [
        {
          name: "models/gemini-x",
          inputTokenLimit: 1_048_576,
          supportedGenerationMethods: ["generateContent"],
        },
        { name: "models/veo", supportedGenerationMethods: ["predictLongRunning"] },
      ],
      nextPageToken: "more",
    },
    {
      models: [{ name: "models/embed", inputTokenLimit: 2048, supportedGenerationMethods: ["embedContent"] }],
    },
  );
  expect(await list()).toEqual([
    { id: "gemini-x", contextTokens: 1_048_576 },
    { id: "embed", contextTokens: 2048 },
  ]);
  expect(sent.map(({ url }) => url.pathname)).toEqual(["/v1beta/models", "/v1beta/models"]);
  expect(sent.map(({ url }) => url.searchParams.get("pageToken"))).toEqual([null, "more"]);
  // A URL is written into logs.
  expect(sent.map(({ url }) => url.href).join()).not.toContain("canary");
  expect(sent[0]?.headers.get("x-goog-api-key")).toBe("sk-canary-0123456789abcdef");
});

describe.each([
  ["OpenAI", createOpenAIProvider],
  ["Anthropic", createAnthropicProvider],
  ["Google", createGoogleProvider],
])("%s", (_, create) => {
  test("entries that are not understood are left out", async () => {
    const odd = [null, 3, "x", { id: "\u0000" }, { id: 7 }, { id: "x".repeat(201) }, { name: 7 }];
    expect(await createList(create, { data: odd, models: odd }).list()).toEqual([]);
  });

  test("a list without end is read up to a limit, and is none", async () => {
    const page = { data: [], models: [], has_more: true, last_id: "x", nextPageToken: "x" };
    const { sent, list } = createList(create, ...Array.from({ length: 50 }, () => page));
    const thrown = await rejectionOf(list());
    // OpenAI's has no pages.
    expect(thrown?.failure).toBe(sent.length === 1 ? undefined : "interrupted");
    expect([1, 20]).toContain(sent.length);
  });

  test("a refusal is told as one, without the key", async () => {
    const body = JSON.stringify({ error: { message: "sk-canary-0123456789abcdef is wrong", type: "x" } });
    const refusal = await rejectionOf(createList(create, new Response(body, { status: 401 })).list());
    expect(refusal).toBeInstanceOf(ProviderError);
    expect(refusal?.failure).toBe("credential");
    expect(String(refusal)).not.toContain("canary");
  });

  test.each(["<html>", '{"data":{},"models":{}}', '{"data":"none","models":"none"}'])(
    "an answer of %s is no list and is told as a failure",
    async (body) => {
      const thrown = await rejectionOf(createList(create, new Response(body)).list());
      expect(thrown).toBeInstanceOf(ProviderError);
      expect(thrown?.failure).toBe("interrupted");
    },
  );

  test("a later page that is no list fails the whole: a part of it is never taken for all", async () => {
    const entry = { id: "a", name: "models/a", supportedGenerationMethods: ["generateContent"] };
    const first = { data: [entry], models: [entry], has_more: true, last_id: "a", nextPageToken: "more" };
    const { sent, list } = createList(create, first, { data: 1, models: 1 });
    const thrown = await rejectionOf(list());
    // OpenAI's list has no pages.
    expect(thrown?.failure).toBe(sent.length === 1 ? undefined : "interrupted");
  });
});

test("Google's list without the member is empty, OpenAI's and Anthropic's is none", async () => {
  expect(await createList(createGoogleProvider, {}).list()).toEqual([]);
  for (const create of [createOpenAIProvider, createAnthropicProvider])
    expect((await rejectionOf(createList(create, {}).list()))?.failure).toBe("interrupted");
});
