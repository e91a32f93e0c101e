import { describe, expect, test } from "vitest";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI, providerRequest } from "./ask-provider.ts";
import { usage } from "./openai-fixtures.ts";
import { answerWith, wireChunk, wireChunks, wireCompletion, wireStream, wireUsage } from "./openai-wire.ts";

/** Asks a server that streams these chunks. */
const askStream = async (chunks: string[]) => askOpenAI(await startServer(answerWith(wireStream(chunks))));
/** Asks a server that gives this body at once. */
const askJson = async (body: string) => askOpenAI(await startServer(answerWith(body)), { stream: false });

describe("an answer is the same as a stream and in one piece:", () => {
  test.each([
    [
      "text",
      [{ content: "Grüße" }, { content: ", 世界 👩🏽‍🚀" }],
      { text: "Grüße, 世界 👩🏽‍🚀", reasoning: "" },
    ],
    [
      "thoughts, then text",
      [{ reasoning_content: "Rayleigh " }, { reasoning_content: "scattering" }, { content: "Because." }],
      { text: "Because.", reasoning: "Rayleigh scattering" },
    ],
    [
      "a refusal, which is the answer",
      [{ refusal: "I cannot " }, { refusal: "help." }],
      { text: "I cannot help.", reasoning: "" },
    ],
    [
      "thoughts by their other name, then text",
      [{ reasoning: "Rayleigh " }, { reasoning: "scattering" }, { content: "Because." }],
      { text: "Because.", reasoning: "Rayleigh scattering" },
    ],
    ["nothing at all", [], { text: "", reasoning: "" }],
  ])("%s", async (_what, texts, expected) => {
    const answer = { ...expected, toolCalls: [], finish: { type: "finish", reason: "stop", usage } };
    expect(await askStream(wireChunks({ texts }))).toEqual(answer);
    expect(await askJson(wireCompletion({ texts }))).toEqual(answer);
  });

  test.each([
    ["stop", "stop"],
    ["length", "length"],
    ["content_filter", "content_filter"],
    ["model_length", "length"],
    ["a reason of tomorrow", "stop"],
  ])("the finish reason %s is %s", async (finishReason, reason) => {
    const given = { texts: [{ content: "Because" }], finishReason };
    expect((await askStream(wireChunks(given))).finish.reason).toBe(reason);
    expect((await askJson(wireCompletion(given))).finish.reason).toBe(reason);
  });

  test.each([
    ["all buckets", wireUsage, usage],
    [
      "no details",
      { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
      { inputTokens: 7, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 3, reasoningTokens: 0 },
    ],
    [
      "details that are null",
      {
        prompt_tokens: 7,
        completion_tokens: 3,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      { inputTokens: 7, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 3, reasoningTokens: 0 },
    ],
    [
      "a prompt all from the cache",
      { prompt_tokens: 64, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 64 } },
      { inputTokens: 0, cacheReadTokens: 64, cacheWriteTokens: 0, outputTokens: 1, reasoningTokens: 0 },
    ],
    [
      "thoughts that completion_tokens leaves out and total_tokens does not",
      {
        prompt_tokens: 307,
        completion_tokens: 26,
        total_tokens: 560,
        completion_tokens_details: { reasoning_tokens: 227 },
      },
      { inputTokens: 307, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 253, reasoningTokens: 227 },
    ],
    [
      "a total that holds something else: only what is exactly the reasoning is added",
      {
        prompt_tokens: 307,
        completion_tokens: 26,
        total_tokens: 900,
        completion_tokens_details: { reasoning_tokens: 20 },
      },
      { inputTokens: 307, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 26, reasoningTokens: 20 },
    ],
    [
      "DeepSeek's names of what the cache served",
      { prompt_tokens: 64, completion_tokens: 1, prompt_cache_hit_tokens: 60, prompt_cache_miss_tokens: 4 },
      { inputTokens: 4, cacheReadTokens: 60, cacheWriteTokens: 0, outputTokens: 1, reasoningTokens: 0 },
    ],
    [
      "Requesty's name of what the cache stored",
      { prompt_tokens: 64, completion_tokens: 1, prompt_tokens_details: { caching_tokens: 60 } },
      { inputTokens: 4, cacheReadTokens: 0, cacheWriteTokens: 60, outputTokens: 1, reasoningTokens: 0 },
    ],
    ["no usage", null, null],
    ["usage without numbers", {}, null],
    ["usage that is no count", { prompt_tokens: -1, completion_tokens: 2.5 }, null],
    ["usage beyond all measure", { prompt_tokens: 9e15, completion_tokens: 3 }, null],
    ["usage in words", { prompt_tokens: "7", completion_tokens: "3" }, null],
  ])("usage with %s", async (_what, reported, expected) => {
    const given = { texts: [{ content: "Because" }], usage: reported };
    expect((await askStream(wireChunks(given))).finish.usage).toEqual(expected);
    expect((await askJson(wireCompletion(given))).finish.usage).toEqual(expected);
  });
});

describe("what comes after the finish can break nothing:", () => {
  const texts = [{ content: "Because" }];

  /** Sends these chunks and then breaks the connection, or keeps it open. */
  const sendThen = (chunks: string[], end: "break" | "stall") =>
    startServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(wireStream(chunks).replace("data: [DONE]\n\n", 'data: {"cho'), () => {
        if (end === "break") response.destroy();
      });
    });

  test("the connection, after the usage was told", async () => {
    const answer = await askOpenAI(await sendThen(wireChunks({ texts }), "break"));
    expect(answer).toMatchObject({ text: "Because", finish: { reason: "stop", usage } });
  });

  test("the connection, before the usage was told", async () => {
    const answer = await askOpenAI(await sendThen(wireChunks({ texts, usage: null }), "break"));
    expect(answer).toMatchObject({ text: "Because", finish: { reason: "stop", usage: null } });
  });

  test("silence instead of [DONE]", async () => {
    const answer = await askOpenAI(await sendThen(wireChunks({ texts }), "stall"));
    expect(answer.finish.usage).toEqual(usage);
  });

  test("silence instead of [DONE], where the usage comes with an empty text, as from OpenRouter", async () => {
    const last = wireChunk({ role: "assistant", content: "" }, "stop", { usage: wireUsage });
    const chunks = [...wireChunks({ texts, usage: null }), last];
    const answer = await askOpenAI(await sendThen(chunks, "stall"));
    expect(answer.finish.usage).toEqual(usage);
  });

  test("an error", async () => {
    const error = JSON.stringify({ error: { message: "The server had an error.", type: "server_error" } });
    const answer = await askStream([...wireChunks({ texts, usage: null }), error]);
    expect(answer).toMatchObject({ text: "Because", finish: { reason: "stop", usage: null } });
  });
});

describe("a stream is read the same", () => {
  const chunks = wireChunks({
    texts: [{ reasoning_content: "Hm. 🌍" }, { content: "Grüße" }, { content: ", 世界" }],
  });
  const expected = {
    text: "Grüße, 世界",
    reasoning: "Hm. 🌍",
    toolCalls: [],
    finish: { type: "finish", reason: "stop", usage },
  };
  test("with usage in the chunk of the finish", async () => {
    const stream = [...chunks.slice(0, -2), wireChunk({}, "stop", { usage: wireUsage })];
    expect(await askStream(stream)).toEqual(expected);
  });

  test("with usage so far in every chunk: the last one counts", async () => {
    const growing = chunks.slice(0, -1).map((chunk, index) => ({
      ...JSON.parse(chunk),
      usage: { prompt_tokens: 100, completion_tokens: index },
    }));
    const stream = [...growing.map((chunk) => JSON.stringify(chunk)), chunks.at(-1) as string];
    expect(await askStream(stream)).toEqual(expected);
  });

  test("with usage that is none after usage that is: what was reported stays", async () => {
    expect(await askStream([...chunks, wireChunk(undefined, null, { choices: [], usage: {} })])).toEqual(
      expected,
    );
  });

  test("when [DONE] has come and the connection stays open", async () => {
    const url = await startServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" }).write(wireStream(chunks));
    });
    expect(await askOpenAI(url)).toEqual(expected);
  });
});

test.each([
  ["is not JSON", '{"choices":[{"delta":{"content":"lo'],
  ["is no object", "null"],
  ["is a bare word", "ping"],
  ["has choices that are none", '{"choices":null}'],
  ["has a choice that is none", '{"choices":[null]}'],
  ["has a text that is none", '{"choices":[{"delta":{"content":[{"type":"thinking"},null,7]}}]}'],
  ["has a tool call that is none", '{"choices":[{"delta":{"tool_calls":[null,7]}}]}'],
  ["has tool calls that are none", '{"choices":[{"delta":{"tool_calls":{"index":0}}}]}'],
  ["has an end that is none", '{"choices":[{"delta":{},"finish_reason":7}]}'],
])("a chunk that %s does not cost the rest of the answer", async (_what, garbled) => {
  const chunks = wireChunks({ texts: [{ content: "Because " }, { content: "of light." }] });
  chunks.splice(2, 0, garbled);
  const answer = await askStream(chunks);
  expect(answer).toEqual({
    text: "Because of light.",
    reasoning: "",
    toolCalls: [],
    finish: { type: "finish", reason: "stop", usage },
  });
});

test("Mistral's parts are told apart: thoughts and text", async () => {
  const thinking = [
    { type: "text", text: "Rayleigh " },
    { type: "text", text: "scattering" },
  ];
  const delta = (content: unknown) => wireChunk({ content });
  const parts = [{ type: "thinking", thinking }, { type: "text", text: "Because." }, { type: "reference" }];
  const expected = { text: "Because.", reasoning: "Rayleigh scattering" };
  const stream = [...parts.map((part) => delta([part])), wireChunk({ content: "" }, "stop")];
  expect(await askStream(stream)).toMatchObject(expected);
  const choices = [{ message: { role: "assistant", content: parts }, finish_reason: "stop" }];
  expect(await askJson(JSON.stringify({ choices }))).toMatchObject(expected);
});

test("each piece of a stream is handed on when it arrives", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const url = await startServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${wireChunk({ content: "first" })}\n\n`);
    await mayGoOn;
    response.end(wireStream([wireChunk({ content: "second" }, "stop")]));
  });
  const reads = createOpenAIProvider({ baseUrl: url, fetch }).chat(providerRequest())[Symbol.asyncIterator]();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "first" }] });
  goOn();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "second" }] });
  expect(await reads.next()).toMatchObject({ done: false, value: [{ type: "finish" }] });
  expect(await reads.next()).toEqual({ done: true, value: undefined });
});
