import type { Usage } from "../../../shared/domain/usage.ts";
import type { Fixture } from "./contract.ts";
import { wireCall, wireChunk, wireChunks, wireStream } from "./openai-wire.ts";
import { readRecordedChunks } from "./recordings.ts";

/** What `wireUsage` means. */
export const usage: Usage = {
  inputTokens: 10,
  cacheReadTokens: 60,
  cacheWriteTokens: 30,
  outputTokens: 40,
  reasoningTokens: 25,
};

const nothing = { text: "", reasoning: "", toolCalls: [], reason: "stop" as const, usage };

/** The first piece of a tool call, and more of its arguments, as OpenAI streams them. */
const callBegins = (index: number, id: string, name: string) => ({
  tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }],
});
const callGoesOn = (index: number, text: string) => ({
  tool_calls: [{ index, function: { arguments: text } }],
});

const ownFixtures: Fixture[] = [
  {
    name: "thoughts, then text",
    bytes: () =>
      wireStream(
        wireChunks({
          texts: [{ reasoning_content: "Hm. 🌍" }, { content: "Grüße" }, { content: ", 世界 👩🏽‍🚀" }],
        }),
      ),
    expected: { ...nothing, text: "Grüße, 世界 👩🏽‍🚀", reasoning: "Hm. 🌍" },
  },
  {
    name: "text and two tool calls in pieces that take turns",
    bytes: () =>
      wireStream(
        wireChunks({
          texts: [
            { content: "Let me see." },
            callBegins(0, "call_a", "weather"),
            callGoesOn(0, '{"city":"Kö'),
            callBegins(1, "call_b", "time"),
            callGoesOn(0, 'ln"}'),
            callGoesOn(1, "{}"),
          ],
          finishReason: "tool_calls",
        }),
      ),
    expected: {
      ...nothing,
      text: "Let me see.",
      toolCalls: [
        { id: "call_a", name: "weather", arguments: '{"city":"Köln"}' },
        { id: "call_b", name: "time", arguments: "{}" },
      ],
      reason: "tool_calls",
    },
  },
  {
    name: "two whole tool calls in one chunk, without an index, that end in stop",
    bytes: () =>
      wireStream(
        wireChunks({
          texts: [
            {
              tool_calls: ["a", "b"].map((id) => wireCall(id, "weather", `{"city":"${id}"}`)),
            },
          ],
        }),
      ),
    expected: {
      ...nothing,
      toolCalls: ["a", "b"].map((id) => ({ id, name: "weather", arguments: `{"city":"${id}"}` })),
      reason: "tool_calls",
    },
  },
  {
    name: "an answer cut by its limit, without a word about usage",
    bytes: () =>
      wireStream(wireChunks({ texts: [{ content: "Beca" }], finishReason: "length", usage: null })),
    expected: { ...nothing, text: "Beca", reason: "length", usage: null },
  },
  {
    name: "usage in the chunk of the finish and no [DONE]",
    bytes: () =>
      [wireChunk({ content: "Yes." }), wireChunk({}, "stop", { usage: plainUsage })]
        .map((chunk) => `data: ${chunk}\n\n`)
        .join(""),
    expected: {
      ...nothing,
      text: "Yes.",
      usage: { inputTokens: 7, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 2, reasoningTokens: 0 },
    },
  },
];
const plainUsage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };

type Numbers = [input: number, cacheRead: number, output: number, reasoning: number];

function recorded(
  name: string,
  [text, reasoning]: [text: number, reasoning: number],
  [inputTokens, cacheReadTokens, outputTokens, reasoningTokens]: Numbers,
  toolCalls: Fixture["expected"]["toolCalls"] = [],
): Fixture {
  return {
    name: `recorded as ${name}`,
    isRecorded: true,
    bytes: () => wireStream(readRecordedChunks(name)),
    expected: {
      text,
      reasoning,
      toolCalls,
      reason: toolCalls.length > 0 ? "tool_calls" : "stop",
      usage: { inputTokens, cacheReadTokens, cacheWriteTokens: 0, outputTokens, reasoningTokens },
    },
  };
}

// The numbers are what the recordings say under `usage`; for xAI, whose completion_tokens are without the reasoning, output is
// what its own cost in the recording pays for: both.
const recordedFixtures: Fixture[] = [
  recorded("openai/openai-text", [1724, 0], [16, 0, 300, 0]),
  recorded("openai/azure-model-router.1", [19, 0], [15, 0, 78, 64]),
  recorded("deepseek/deepseek-reasoning", [42, 606], [18, 0, 219, 205]),
  recorded(
    "groq/groq-tool-call",
    [0, 0],
    [210, 0, 15, 0],
    [{ id: "tk85n1k4m", name: "weather", arguments: "{}" }],
  ),
  recorded("mistral/mistral-text", [38, 0], [13, 0, 8, 0]),
  recorded(
    "xai/xai-tool-call",
    [0, 1069],
    [1, 306, 253, 227],
    [{ id: "call_79382389", name: "weather", arguments: '{"location":"San Francisco"}' }],
  ),
];

export const fixtures = [...ownFixtures, ...recordedFixtures];
