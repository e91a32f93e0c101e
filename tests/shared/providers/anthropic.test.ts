import { describe, expect, test } from "vitest";
import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import { startServer } from "../start-server.ts";
import { windingAnswer, windingTurn } from "./anthropic-fixtures.ts";
import {
  askAnthropic,
  askJson,
  askStream,
  usage,
  type WireAnswer,
  type WireEvent,
  wireEvents,
  wireMessage,
  wireStream,
  wireUsage,
} from "./anthropic-wire.ts";
import { providerRequest } from "./ask-provider.ts";
import { hasRecordings, readRecording } from "./recordings.ts";

const because: WireAnswer = { content: [{ type: "text", text: "Because of light." }] };

/** Both ways of an answer, which are to be read the same. */
const askBoth = async (answer: WireAnswer) => [
  await askStream(wireEvents(answer)),
  await askJson(wireMessage(answer)),
];

test("an answer is the same as a stream and in one piece, thoughts, calls and continuation", async () => {
  const { text, reasoning, toolCalls } = windingAnswer;
  const [streamed, whole] = await askBoth(windingTurn);
  expect(whole).toEqual(streamed);
  expect(whole).toMatchObject({ text, reasoning, toolCalls, finish: { reason: "tool_calls", usage } });
  expect(whole?.finish.continuation).toBeDefined();
});

test("a turn without thoughts has no continuation, and neither has one without calls", async () => {
  const content = windingTurn.content.filter(({ type }) => !type.includes("thinking"));
  for (const { finish } of await askBoth({ ...windingTurn, content }))
    expect(finish).toEqual({ type: "finish", reason: "tool_calls", usage });
  const thoughts = windingTurn.content.filter(({ type }) => type !== "tool_use");
  for (const { finish } of await askBoth({ content: thoughts }))
    expect(finish).toEqual({ type: "finish", reason: "stop", usage });
});

test.each([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["refusal", "content_filter"],
  ["a reason of tomorrow", "stop"],
])("the stop reason %s is %s", async (stopReason, reason) => {
  for (const answer of await askBoth({ ...because, stopReason }))
    expect(answer).toMatchObject({ text: "Because of light.", finish: { reason, usage } });
});

test("an answer that ends in the middle of a call's arguments tells them as they are, and no more", async () => {
  const events = wireEvents({ content: windingTurn.content.slice(0, 6), stopReason: "max_tokens" });
  const last = events.findLastIndex(({ delta }) => (delta as { type?: string })?.type === "input_json_delta");
  const { toolCalls, finish } = await askStream(events.toSpliced(last, 1));
  expect(toolCalls).toEqual([{ id: "toolu_a", name: "weather", arguments: '{"city":"Köln"' }]);
  expect(finish).toEqual({ type: "finish", reason: "length", usage });
});

test("a call that was cut before its arguments has none, one that needs none has an empty object", async () => {
  const content = windingTurn.content.slice(6);
  const [cut] = (await askStream(wireEvents({ content, stopReason: "max_tokens" }))).toolCalls;
  expect(cut).toMatchObject({ name: "time", arguments: "" });
  for (const input of [{}, null, undefined, "text", 7]) {
    const whole = await askJson(
      wireMessage({ content: [{ ...content[0], type: "tool_use", input }], stopReason: "tool_use" }),
    );
    expect(whole.toolCalls[0]).toMatchObject({ name: "time", arguments: "{}" });
  }
});

describe("usage in buckets that do not overlap:", () => {
  const { cache_creation_input_tokens, cache_read_input_tokens, ...bare } = wireUsage;
  test.each([
    ["all of them", wireUsage, usage],
    ["without a cache", bare, { ...usage, cacheReadTokens: 0, cacheWriteTokens: 0 }],
    [
      "with a cache that is null",
      { ...wireUsage, cache_creation_input_tokens: null, cache_read_input_tokens: null },
      { ...usage, cacheReadTokens: 0, cacheWriteTokens: 0 },
    ],
    ["without details", { ...wireUsage, output_tokens_details: null }, { ...usage, reasoningTokens: 0 }],
    [
      "with more thoughts than answer",
      { ...wireUsage, output_tokens_details: { thinking_tokens: 41 } },
      { ...usage, reasoningTokens: 40 },
    ],
    ["none", null, null],
    ["no numbers", {}, null],
    ["in words", { input_tokens: "10", output_tokens: "40" }, null],
    ["no counts", { input_tokens: -1, output_tokens: 2.5 }, null],
    ["beyond all measure", { input_tokens: 9e15, output_tokens: 40 }, null],
    ["of another type", "many", null],
  ])("%s", async (_what, reported, expected) => {
    expect((await askJson(wireMessage({ ...because, usage: reported }))).finish.usage).toEqual(expected);
    // The first event of a stream tells the prompt, too: here it is to be the last one's alone.
    const events = wireEvents({ ...because, usage: reported }).slice(1);
    expect((await askStream(events)).finish.usage).toEqual(expected);
  });

  test("what the end of a stream tells supersedes its beginning, but for what it leaves out", async () => {
    const later = { ...wireUsage, input_tokens: 12, cache_read_input_tokens: null };
    const { finish } = await askStream(wireEvents({ ...because, usage: later }));
    expect(finish.usage).toEqual({ ...usage, inputTokens: 12 });
  });

  test("without an end there is no count of the answer: that of its first words is none", async () => {
    expect((await askStream(wireEvents({ ...because, usage: null }))).finish.usage).toBe(null);
  });
});

test.each([
  ["is not JSON", '{"type":"content_block_delta","index":0,"del'],
  ["is no object", "null"],
  ["is a bare word", "ping"],
  ["has no type", "{}"],
  ["has a type that is none", '{"type":7}'],
  ["has a delta that is none", '{"type":"content_block_delta","index":0,"delta":null}'],
  [
    "has a text that is none",
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":[1]}}',
  ],
  ["has a block that is none", '{"type":"content_block_start","index":7,"content_block":"text"}'],
  ["has a block of tomorrow", '{"type":"content_block_start","index":7,"content_block":{"type":"dance"}}'],
  ["is a beginning without a message", '{"type":"message_start","message":null}'],
  ["is an end without a delta", '{"type":"message_delta","delta":null,"usage":null}'],
])("an event that %s does not cost the rest of the answer", async (_what, garbled) => {
  const events: (WireEvent | string)[] = wireEvents(because);
  events.splice(4, 0, garbled);
  expect(await askStream(events)).toMatchObject({
    text: "Because of light.",
    finish: { reason: "stop", usage },
  });
});

test("the text of a block whose beginning was lost is kept", async () => {
  const events = wireEvents(because).filter(({ type }) => type !== "content_block_start");
  expect(await askStream(events)).toMatchObject({ text: "Because of light.", finish: { usage } });
});

describe("what comes after the stop reason can break nothing:", () => {
  test.each<[string, (WireEvent | string)[]]>([
    ["an error", [{ type: "error", error: { type: "api_error", message: "Oops" } }]],
    ["garbage", ["{"]],
    ["nothing", []],
  ])("%s", async (_what, rest) => {
    // Usage that is none makes the adapter read on.
    for (const reported of [wireUsage, null]) {
      const events = [...wireEvents({ ...because, usage: reported }).slice(0, -1), ...rest];
      const answer = await askStream(events);
      expect(answer).toMatchObject({ text: "Because of light.", finish: { reason: "stop" } });
    }
  });

  test.each([
    ["the usage", wireEvents(because).slice(0, -1)],
    ["the end, without a usage", wireEvents({ ...because, usage: null })],
  ])("a connection that stays open after %s", async (_what, events) => {
    const url = await startServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(wireStream(events));
    });
    expect(await askAnthropic(url)).toMatchObject({ text: "Because of light.", finish: { reason: "stop" } });
  });
});

test("each piece of a stream is handed on when it arrives", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const events = wireEvents(because);
  const url = await startServer(async (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(wireStream(events.slice(0, 4)));
    await mayGoOn;
    response.end(wireStream(events.slice(4)));
  });
  const provider = createAnthropicProvider({ baseUrl: url, fetch });
  const reads = provider.chat(providerRequest())[Symbol.asyncIterator]();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "Because o" }] });
  goOn();
  expect(await reads.next()).toEqual({ done: false, value: [{ type: "text", text: "f light." }] });
  expect(await reads.next()).toMatchObject({ done: false, value: [{ type: "finish" }] });
  expect(await reads.next()).toEqual({ done: true, value: undefined });
});

// The numbers are what the recordings say under `usage`.
test.skipIf(!hasRecordings).each([
  ["anthropic/anthropic-text", 105, 0, "stop", [12, 29]],
  ["anthropic/anthropic-refusal", 0, 0, "content_filter", [18, 5]],
  ["anthropic/anthropic-tool-no-args", 255, 1, "tool_calls", [602, 93]],
] as const)(
  "the answer recorded as %s is read in full",
  async (name, length, calls, reason, [input, output]) => {
    const { text, toolCalls, finish } = await askJson(readRecording(`${name}.json`));
    expect(text).toHaveLength(length);
    expect(toolCalls).toHaveLength(calls);
    expect(finish).toMatchObject({ reason, usage: { inputTokens: input, outputTokens: output } });
  },
);
