import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import type { AnswerPart, ChatResult } from "../../../../shared/domain/chat-event.ts";
import { chatCompletionFormat } from "../../../../shared/http/openai/chat-completion.ts";
import { textCompletionFormat } from "../../../../shared/http/openai/text-completion.ts";
import { bill, result, usage } from "./results.ts";

const created = 1_777_777_777;
const toolCalls = [
  { id: "call-1", name: "look", arguments: '{"at":"door"}' },
  { id: "call-2", name: "wait", arguments: "{}" },
];

/** The chunks of an answer, as a client of the protocol reads them. */
function writeChunks(
  parts: AnswerPart[],
  { includeUsage = false, end = result, format = chatCompletionFormat } = {},
) {
  const chunks = format.createChunks(end, { created, includeUsage });
  const texts = [...chunks.opening(), ...parts.flatMap(chunks.part), ...chunks.closing(end)];
  return texts.map((text) => JSON.parse(text));
}

/** An official client, which gets these events, or this body. */
function startClient(answer: { events: string[] } | { body: object }): OpenAI {
  const respond = () =>
    "body" in answer
      ? Response.json(answer.body)
      : new Response(answer.events.map((data) => `data: ${data}\n\n`).join(""), {
          headers: { "content-type": "text/event-stream" },
        });
  return new OpenAI({
    apiKey: "key",
    baseURL: "https://x.example/v1",
    fetch: async () => respond(),
    maxRetries: 0,
  });
}

function toEvents(parts: AnswerPart[], end: ChatResult = result): string[] {
  return [...writeChunks(parts, { includeUsage: true, end }).map((chunk) => JSON.stringify(chunk)), "[DONE]"];
}

describe("an answer in one piece", () => {
  test("has the members of a chat completion, and those that say who served it and what it cost", () => {
    expect(chatCompletionFormat.writeAnswer(result, created)).toEqual({
      id: "chatcmpl-request-1",
      object: "chat.completion",
      created,
      model: "maker/model",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: result.content, refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage,
      sluice: bill,
    });
  });

  test("has reasoning, calls and the continuation where there are any; no text is null then", () => {
    const answer = chatCompletionFormat.writeAnswer(
      {
        ...result,
        content: "",
        reasoning: "Hm.",
        toolCalls,
        continuation: "signed",
        finishReason: "tool_calls",
      },
      created,
    );
    expect(answer).toMatchObject({
      choices: [
        {
          message: {
            role: "assistant",
            content: null,
            refusal: null,
            reasoning_content: "Hm.",
            continuation: "signed",
            tool_calls: [
              { id: "call-1", type: "function", function: { name: "look", arguments: '{"at":"door"}' } },
              { id: "call-2", type: "function", function: { name: "wait", arguments: "{}" } },
            ],
          },
          finish_reason: "tool_calls",
        },
      ],
    });
  });

  test("that has no words and no calls is an empty text", () => {
    const answer = chatCompletionFormat.writeAnswer(
      { ...result, content: "", finishReason: "content_filter" },
      created,
    );
    expect(answer).toMatchObject({
      choices: [{ message: { content: "" }, finish_reason: "content_filter" }],
    });
  });

  test("has the members of a text completion", () => {
    expect(textCompletionFormat.writeAnswer({ ...result, finishReason: "length" }, created)).toEqual({
      id: "cmpl-request-1",
      object: "text_completion",
      created,
      model: "maker/model",
      choices: [{ index: 0, text: result.content, logprobs: null, finish_reason: "length" }],
      usage,
      sluice: bill,
    });
  });
});

describe("a stream", () => {
  const head = { id: "chatcmpl-request-1", object: "chat.completion.chunk", created, model: "maker/model" };
  const choice = (delta: object, finish_reason: string | null = null) => ({
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  });
  const opening = choice({ role: "assistant", content: "", refusal: null });

  test("begins with the role and ends with the reason, which also says what it cost", () => {
    const parts: AnswerPart[] = [
      { type: "reasoning", text: "Hm" },
      { type: "chunk", text: 'Gr"ü\n' },
      { type: "chunk", text: "\ud83d" },
    ];
    expect(writeChunks(parts)).toEqual([
      { ...head, ...opening },
      { ...head, ...choice({ reasoning_content: "Hm" }) },
      { ...head, ...choice({ content: 'Gr"ü\n' }) },
      { ...head, ...choice({ content: "\ud83d" }) },
      { ...head, ...choice({}, "stop"), sluice: bill },
    ]);
  });

  test("tells the usage in a chunk of its own where it was asked to, and null in all others", () => {
    expect(writeChunks([{ type: "chunk", text: "a" }], { includeUsage: true })).toEqual([
      { ...head, ...opening, usage: null },
      { ...head, ...choice({ content: "a" }), usage: null },
      { ...head, ...choice({}, "stop"), usage: null },
      { ...head, choices: [], usage, sluice: bill },
    ]);
  });

  test("has the pieces of calls, and the continuation at its end", () => {
    const chunks = writeChunks(
      [
        { type: "tool_call", index: 0, id: "call-1", name: "look", arguments: "" },
        { type: "tool_call", index: 0, arguments: '{"at":' },
      ],
      { end: { ...result, continuation: "signed", finishReason: "tool_calls" } },
    );
    expect(chunks.slice(1)).toMatchObject([
      choice({
        tool_calls: [{ index: 0, id: "call-1", type: "function", function: { name: "look", arguments: "" } }],
      }),
      choice({ tool_calls: [{ index: 0, function: { arguments: '{"at":' } }] }),
      choice({ continuation: "signed" }, "tool_calls"),
    ]);
    expect(Object.keys(chunks[2].choices[0].delta.tool_calls[0])).toEqual(["index", "function"]);
  });

  test("of a text completion has its text alone", () => {
    const text = { ...head, id: "cmpl-request-1", object: "text_completion" };
    const parts: AnswerPart[] = [
      { type: "reasoning", text: "Hm" },
      { type: "chunk", text: "So." },
    ];
    expect(writeChunks(parts, { includeUsage: true, format: textCompletionFormat })).toEqual([
      { ...text, choices: [{ index: 0, text: "So.", logprobs: null, finish_reason: null }], usage: null },
      { ...text, choices: [{ index: 0, text: "", logprobs: null, finish_reason: "stop" }], usage: null },
      { ...text, choices: [], usage, sluice: bill },
    ]);
  });
});

describe("the official client", () => {
  const request = { model: "maker/model", messages: [{ role: "user" as const, content: "Why?" }] };
  const callParts: AnswerPart[] = [
    { type: "tool_call", index: 0, id: "call-1", name: "look", arguments: "" },
    { type: "tool_call", index: 0, arguments: '{"at":' },
    { type: "tool_call", index: 1, id: "call-2", name: "wait", arguments: "{}" },
    { type: "tool_call", index: 0, arguments: '"door"}' },
  ];

  test("joins a stream to the same message, usage and bill that the answer in one piece has", async () => {
    const end: ChatResult = {
      ...result,
      content: "So.",
      toolCalls,
      continuation: "signed",
      finishReason: "tool_calls",
    };
    const parts: AnswerPart[] = [{ type: "chunk", text: "So" }, { type: "chunk", text: "." }, ...callParts];
    const streamed = await startClient({ events: toEvents(parts, end) })
      .chat.completions.stream(request)
      .finalChatCompletion();
    const whole = chatCompletionFormat.writeAnswer(end, created);
    const parsed = { parsed: null };
    expect(streamed).toMatchObject({ ...whole, object: "chat.completion" });
    expect(streamed.choices[0]?.message).toMatchObject(parsed);
  });

  test("is told of an error in the stream as of one of the API, and gets no finished answer", async () => {
    const error = {
      message: "It broke off.",
      type: "provider_error",
      param: null,
      code: "provider_interrupted",
    };
    const events = [...toEvents([{ type: "chunk", text: "So" }]).slice(0, 2), JSON.stringify({ error })];
    const stream = await startClient({ events }).chat.completions.create({ ...request, stream: true });
    const texts: unknown[] = [];
    const read = async () => {
      for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content);
    };
    const thrown = await read().catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(OpenAI.APIError);
    expect(thrown).toMatchObject(error);
    expect(texts).toEqual(["", "So"]);
    await expect(
      startClient({ events }).chat.completions.stream(request).finalChatCompletion(),
    ).rejects.toBeInstanceOf(OpenAI.APIError);
  });
});
