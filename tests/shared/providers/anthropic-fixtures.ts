import { usage, type WireAnswer, type WireEvent, wireEvents, wireStream } from "./anthropic-wire.ts";
import type { ExpectedAnswer, Fixture } from "./contract.ts";
import { readRecordedChunks } from "./recordings.ts";

const nothing: ExpectedAnswer = { text: "", reasoning: "", toolCalls: [], reason: "stop", usage };

/** A turn with everything in it: thoughts before and between, two texts, two calls, one of them without arguments. */
export const windingTurn: WireAnswer = {
  content: [
    { type: "thinking", thinking: "Hm. 🌍", signature: "c2lnMQ==" },
    { type: "text", text: "Grüße, " },
    { type: "redacted_thinking", data: "cmVkYWN0ZWQ=" },
    { type: "text", text: "世界 👩🏽‍🚀" },
    { type: "thinking", thinking: "", signature: "c2lnMg==" },
    { type: "tool_use", id: "toolu_a", name: "weather", input: { city: "Köln", days: [1, 2] } },
    { type: "tool_use", id: "toolu_b", name: "time", input: {} },
  ],
  stopReason: "tool_use",
};

/** What is to be read from `windingTurn`, but for the continuation. */
export const windingAnswer: ExpectedAnswer = {
  ...nothing,
  text: "Grüße, 世界 👩🏽‍🚀",
  reasoning: "Hm. 🌍",
  toolCalls: [
    { id: "toolu_a", name: "weather", arguments: '{"city":"Köln","days":[1,2]}' },
    { id: "toolu_b", name: "time", arguments: "{}" },
  ],
  reason: "tool_calls",
};

const own: [name: string, WireAnswer, Partial<ExpectedAnswer>][] = [
  ["text", { content: [{ type: "text", text: "Grüße, 世界 👩🏽‍🚀" }] }, { text: "Grüße, 世界 👩🏽‍🚀" }],
  [
    "thoughts, then text",
    {
      content: [
        { type: "thinking", thinking: "Rayleigh scattering", signature: "c2ln" },
        { type: "text", text: "Because." },
      ],
    },
    { text: "Because.", reasoning: "Rayleigh scattering" },
  ],
  ["a turn with everything in it", windingTurn, windingAnswer],
  ["nothing at all", { content: [] }, {}],
  ["a refusal", { content: [], stopReason: "refusal" }, { reason: "content_filter" }],
];

/** The events of a recording, whose names are their types. */
function readRecorded(name: string): string {
  return wireStream(readRecordedChunks(name).map((chunk): WireEvent => JSON.parse(chunk)));
}

// The numbers are what the recordings say in their message_delta.
const recorded: [name: string, [input: number, output: number], Partial<ExpectedAnswer>][] = [
  ["anthropic/anthropic-text", [12, 30], { text: 108 }],
  ["anthropic/anthropic-clear-thinking.1", [69, 53], { text: "925 ÷ 5 = 185", reasoning: 75 }],
  ["anthropic/anthropic-refusal", [18, 5], { reason: "content_filter" }],
  [
    "anthropic/anthropic-tool-no-args",
    [565, 48],
    {
      text: "I'll update the issue list for you.",
      toolCalls: [{ id: "toolu_01QE1WLsSVp5hy5Q3GmGTmjP", name: "updateIssueList", arguments: "{}" }],
      reason: "tool_calls",
    },
  ],
];

export const fixtures: Fixture[] = [
  ...own.map(([name, answer, expected]) => ({
    name,
    bytes: () => wireStream(wireEvents(answer)),
    expected: { ...nothing, ...expected },
  })),
  ...recorded.map(([name, [inputTokens, outputTokens], expected]) => ({
    name,
    bytes: () => readRecorded(name),
    expected: {
      ...nothing,
      ...expected,
      usage: { inputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens: 0 },
    },
    isRecorded: true,
  })),
];
