import { describe, expect, test } from "vitest";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { startServer } from "../start-server.ts";
import {
  askGoogle,
  googleRequest,
  responseId,
  usage,
  wireAnswer,
  wireStream,
  wireUsage,
} from "./google-wire.ts";
import { answerWith } from "./openai-wire.ts";

/** Asks a server that streams these chunks. */
const askStream = async (chunks: string[]) => askGoogle(await startServer(answerWith(wireStream(chunks))));
/** Asks a server that gives this body at once. */
const askJson = async (body: string) => askGoogle(await startServer(answerWith(body)), { stream: false });

const told = { usageMetadata: wireUsage };
const call = (name: unknown, more: object = {}) => ({ functionCall: { name, ...more } });

describe("an answer is the same as a stream and in one piece:", () => {
  test.each<[string, unknown[], object]>([
    ["text", [{ text: "Grüße" }, { text: ", 世界 👩🏽‍🚀" }], { text: "Grüße, 世界 👩🏽‍🚀" }],
    [
      "thoughts, then text",
      [{ text: "Rayleigh ", thought: true }, { text: "scattering", thought: true }, { text: "Because." }],
      { text: "Because.", reasoning: "Rayleigh scattering" },
    ],
    ["nothing at all", [], {}],
    [
      "parts of other kinds",
      [{ inlineData: { data: "" } }, null, 7, { text: 7 }, { text: "Yes." }],
      { text: "Yes." },
    ],
    [
      "a call with arguments that are none",
      [call("now", { args: "noon" })],
      { toolCalls: [{ id: `call_${responseId}_0`, name: "now", arguments: "{}" }], reason: "tool_calls" },
    ],
    [
      "one call that is told twice under its id",
      [call("now", { id: "a1" }), call("now", { id: "a1" })],
      { toolCalls: [{ id: "a1", name: "now", arguments: "{}" }], reason: "tool_calls" },
    ],
  ])("%s", async (_what, parts, { reason = "stop", ...expected }: { reason?: string }) => {
    const answer = {
      text: "",
      reasoning: "",
      toolCalls: [],
      ...expected,
      finish: { type: "finish", reason, usage },
    };
    expect(
      await askStream([...parts.map((part) => wireAnswer([part])), wireAnswer([], "STOP", told)]),
    ).toEqual(answer);
    expect(await askJson(wireAnswer(parts, "STOP", told))).toEqual(answer);
  });

  test.each([
    ["no name", call(undefined)],
    ["a name that is none", call(7)],
    ["no call in it", { functionCall: "now" }],
  ])("a call with %s is lost: the answer must not pass for a whole one", async (_what, part) => {
    const interruption = { failure: "interrupted", usage };
    await expect(
      askStream([wireAnswer([call("now")]), wireAnswer([part]), wireAnswer([], "STOP", told)]),
    ).rejects.toMatchObject(interruption);
    await expect(askJson(wireAnswer([part], "STOP", told))).rejects.toMatchObject(interruption);
  });

  test.each([
    ["STOP", "stop"],
    ["MAX_TOKENS", "length"],
    ["CONTINUATION", "length"],
    ["SAFETY", "content_filter"],
    ["RECITATION", "content_filter"],
    ["LANGUAGE", "content_filter"],
    ["BLOCKLIST", "content_filter"],
    ["PROHIBITED_CONTENT", "content_filter"],
    ["SPII", "content_filter"],
    ["IMAGE_SAFETY", "content_filter"],
  ])("the finish reason %s is %s", async (finishReason, reason) => {
    const body = wireAnswer([{ text: "Because" }], finishReason);
    expect((await askStream([body])).finish.reason).toBe(reason);
    expect((await askJson(body)).finish.reason).toBe(reason);
  });

  const counts = (
    inputTokens: number,
    cacheReadTokens: number,
    outputTokens: number,
    reasoningTokens: number,
  ) => ({
    inputTokens,
    cacheReadTokens,
    cacheWriteTokens: 0,
    outputTokens,
    reasoningTokens,
  });
  test.each<[string, unknown, unknown]>([
    ["all buckets", wireUsage, usage],
    ["no details", { promptTokenCount: 7, candidatesTokenCount: 3 }, counts(7, 0, 3, 0)],
    ["no output", { promptTokenCount: 7, totalTokenCount: 7 }, counts(7, 0, 0, 0)],
    [
      "thoughts alone",
      { promptTokenCount: 7, candidatesTokenCount: null, thoughtsTokenCount: 5 },
      counts(7, 0, 5, 5),
    ],
    [
      "a prompt all from the cache",
      { promptTokenCount: 64, cachedContentTokenCount: 64 },
      counts(0, 64, 0, 0),
    ],
    ["a cache beyond the prompt", { promptTokenCount: 7, cachedContentTokenCount: 64 }, counts(0, 7, 0, 0)],
    [
      "details that are no counts",
      { promptTokenCount: 7, thoughtsTokenCount: -1, toolUsePromptTokenCount: "9" },
      counts(7, 0, 0, 0),
    ],
    ["nothing", null, null],
    ["no numbers", {}, null],
    ["no counts", { promptTokenCount: -1, candidatesTokenCount: 2.5 }, null],
    ["an output that is no count", { promptTokenCount: 7, candidatesTokenCount: "3" }, null],
    ["more than any call can have", { promptTokenCount: 9e15, candidatesTokenCount: 3 }, null],
    [
      "a sum of more than any call can have",
      { promptTokenCount: 7, candidatesTokenCount: 1e9, thoughtsTokenCount: 1e9 },
      null,
    ],
    ["words", "many", null],
  ])("usage with %s", async (_what, usageMetadata, expected) => {
    const body = wireAnswer([{ text: "Because" }], "STOP", { usageMetadata });
    expect((await askStream([body])).finish.usage).toEqual(expected);
    expect((await askJson(body)).finish.usage).toEqual(expected);
  });
});

describe("each call has an id that no other call of the conversation has:", () => {
  const toolCalls = [`call_${responseId}_0`, "call_0"].map((id) => ({ id, name: "now", arguments: "{}" }));
  const messages = [
    { role: "user" as const, content: "When?" },
    { role: "assistant" as const, content: "", toolCalls },
    ...toolCalls.map(({ id }) => ({ role: "tool" as const, toolCallId: id, content: "noon" })),
  ];

  test.each([
    [
      "beside a call of the history that has the same id",
      responseId,
      [`call_${responseId}_1`, `call_${responseId}_2`],
    ],
    ["without an id of the answer", undefined, ["call_1", "call_2"]],
    ["with an id of the answer that nobody could send back", "\u0000".repeat(300), ["call_1", "call_2"]],
  ])("%s", async (_what, id, ids) => {
    const body = wireAnswer([call("now"), call("now")], "STOP", { responseId: id });
    const answer = await askGoogle(await startServer(answerWith(body)), { stream: false, messages });
    expect(answer.toolCalls.map(({ id }) => id)).toEqual(ids);
  });

  test("where Gemini's own is too long to be sent back", async () => {
    const { toolCalls } = await askJson(wireAnswer([call("now", { id: "x".repeat(201) })], "STOP"));
    expect(toolCalls.map(({ id }) => id)).toEqual([`call_${responseId}_0`]);
  });
});

describe("what comes after the finish can break nothing:", () => {
  const chunks = [wireAnswer([{ text: "Because" }]), wireAnswer([], "STOP", told)];
  const expected = { text: "Because", finish: { reason: "stop", usage } };

  test("the connection", async () => {
    const url = await startServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`${wireStream(chunks)}data: {"cand`, () => response.destroy());
    });
    expect(await askGoogle(url)).toMatchObject(expected);
  });

  test("an error", async () => {
    const error = JSON.stringify({ error: { code: 500, status: "INTERNAL", message: "Oops." } });
    expect(await askStream([...chunks, error])).toMatchObject(expected);
  });

  test("usage that is none: what was reported stays", async () => {
    expect(await askStream([...chunks, JSON.stringify({ usageMetadata: {} })])).toMatchObject(expected);
  });
});

test("of usage so far in every chunk the last one counts, also behind the finish", async () => {
  const growing = [1, 2].map((candidatesTokenCount) =>
    wireAnswer([{ text: "x" }], undefined, { usageMetadata: { promptTokenCount: 9, candidatesTokenCount } }),
  );
  const answer = await askStream([...growing, wireAnswer([], "STOP"), JSON.stringify(told)]);
  expect(answer.finish.usage).toEqual(usage);
});

test("a stream that says STOP in every chunk, as older models do, is read to its end", async () => {
  const { text } = await askStream(["Be", "cau", "se"].map((text) => wireAnswer([{ text }], "STOP", told)));
  expect(text).toBe("Because");
});

test.each([
  ["is not JSON", '{"candidates":[{"content":{"parts":[{"text":"lo'],
  ["is no object", "null"],
  ["is a bare word", "ping"],
  ["has candidates that are none", '{"candidates":null}'],
  ["has a candidate that is none", '{"candidates":[null]}'],
  ["has content that is none", '{"candidates":[{"content":null}]}'],
  ["has parts that are none", '{"candidates":[{"content":{"parts":"text"}}]}'],
  ["has parts that are an object", '{"candidates":[{"content":{"parts":{"text":"lost"}}}]}'],
  ["has a finish that is none", '{"candidates":[{"finishReason":1}],"promptFeedback":{"blockReason":1}}'],
])("a chunk that %s does not cost the rest of the answer", async (_what, garbled) => {
  const answer = await askStream([
    wireAnswer([{ text: "Because " }]),
    garbled,
    wireAnswer([{ text: "of light." }], "STOP", told),
  ]);
  expect(answer).toMatchObject({ text: "Because of light.", finish: { reason: "stop", usage } });
});

test("each piece of a stream is handed on when it arrives", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const baseUrl = await startServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(wireStream([wireAnswer([{ text: "first" }])]));
    await mayGoOn;
    response.end(wireStream([wireAnswer([{ text: "second" }], "STOP")]));
  });
  const reads = createGoogleProvider({ baseUrl, fetch }).chat(googleRequest())[Symbol.asyncIterator]();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "first" }] });
  goOn();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "second" }] });
  expect(await reads.next()).toMatchObject({ done: false, value: [{ type: "finish" }] });
  expect(await reads.next()).toEqual({ done: true, value: undefined });
});
