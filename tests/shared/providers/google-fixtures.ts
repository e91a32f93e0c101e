import type { ExpectedAnswer, Fixture } from "./contract.ts";
import { responseId, usage, wireAnswer, wireStream, wireUsage } from "./google-wire.ts";
import { readRecordedChunks } from "./recordings.ts";

const told = { usageMetadata: wireUsage };
const nothing: ExpectedAnswer = { text: "", reasoning: "", toolCalls: [], reason: "stop", usage };

/** A part that asks for the weather. */
const call = (city: string, more: object = {}) => ({
  functionCall: { name: "weather", args: { city } },
  ...more,
});

const ownFixtures: Fixture[] = [
  {
    name: "thoughts, then text, and a signature in an empty part",
    bytes: () =>
      wireStream([
        wireAnswer([{ text: "Hm. 🌍", thought: true }]),
        wireAnswer([{ text: "Grüße" }]),
        wireAnswer([{ text: ", 世界 👩🏽‍🚀" }]),
        wireAnswer([{ text: "", thoughtSignature: "c2lnbmVk" }], "STOP", told),
      ]),
    expected: { ...nothing, text: "Grüße, 世界 👩🏽‍🚀", reasoning: "Hm. 🌍" },
  },
  {
    name: "text and two calls of one function in one chunk, signed and without ids",
    bytes: () =>
      wireStream([
        wireAnswer([{ text: "Let me see." }, call("Köln", { thoughtSignature: "Zmlyc3Q=" }), call("東京")]),
        wireAnswer([{ text: "" }], "STOP", told),
      ]),
    expected: {
      ...nothing,
      text: "Let me see.",
      toolCalls: [
        { id: `call_${responseId}_0`, name: "weather", arguments: '{"city":"Köln"}' },
        { id: `call_${responseId}_1`, name: "weather", arguments: '{"city":"東京"}' },
      ],
      reason: "tool_calls",
      continuation: '{"provider":"google","model":"gpt-4o-mini","signatures":["Zmlyc3Q=",null]}',
    },
  },
  {
    name: "two calls with ids of Gemini's own, the first without arguments",
    bytes: () =>
      wireStream([
        wireAnswer([{ functionCall: { id: "a1", name: "now" } }]),
        wireAnswer([{ functionCall: { id: "b2", name: "weather", args: { city: "Rom" } } }]),
        wireAnswer([], "STOP", told),
      ]),
    expected: {
      ...nothing,
      toolCalls: [
        { id: "a1", name: "now", arguments: "{}" },
        { id: "b2", name: "weather", arguments: '{"city":"Rom"}' },
      ],
      reason: "tool_calls",
      continuation: undefined,
    },
  },
  {
    name: "an answer cut by its limit before a word of it, with thoughts alone to pay for",
    bytes: () =>
      wireStream([
        wireAnswer([{ text: "Hm.", thought: true }]),
        wireAnswer(undefined, "MAX_TOKENS", {
          usageMetadata: { promptTokenCount: 9, thoughtsTokenCount: 30, totalTokenCount: 39 },
        }),
      ]),
    expected: {
      ...nothing,
      reasoning: "Hm.",
      reason: "length",
      usage: {
        inputTokens: 9,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        outputTokens: 30,
        reasoningTokens: 30,
      },
    },
  },
  {
    name: "an answer that ends for its content, without a word about usage",
    bytes: () => wireStream([wireAnswer([{ text: "Once" }]), wireAnswer(undefined, "RECITATION")]),
    expected: { ...nothing, text: "Once", reason: "content_filter", usage: null },
  },
];

type Numbers = [input: number, output: number, reasoning: number];

/** The numbers are what the recordings say in their last `usageMetadata`. */
function recorded(
  name: string,
  [inputTokens, outputTokens, reasoningTokens]: Numbers,
  expected: object,
): Fixture {
  const counts = { inputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens };
  return {
    name: `recorded as ${name}`,
    isRecorded: true,
    bytes: () => wireStream(readRecordedChunks(name)),
    expected: { ...nothing, usage: counts, ...expected },
  };
}

export const fixtures: Fixture[] = [
  ...ownFixtures,
  recorded("google/google-text", [9, 208, 185], {
    text: 'There are **3** "r"s in strawberry.\n\nst**r**awbe**rr**y',
  }),
  recorded("google/google-reasoning", [9, 285, 256], {
    text: 'There are **3** "r"s in strawberry.\n\nHere is the breakdown: st**r**awbe**rr**y.',
  }),
  recorded("google/google-tool-call", [29, 60, 45], {
    toolCalls: [
      { id: "call_b36LacjwM668nsEP2tbsgQQ_0", name: "weather", arguments: '{"location":"San Francisco"}' },
    ],
    reason: "tool_calls",
  }),
];
