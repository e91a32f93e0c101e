import { describe, expect, test } from "vitest";
import type { ToolCall } from "../../../shared/domain/chat-message.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI } from "./ask-provider.ts";
import { answerWith } from "./openai-wire.ts";
import { hasRecordings, readRecording } from "./recordings.ts";

type Lengths = [text: number, reasoning: number];
type Numbers = [input: number, cacheRead: number, output: number, reasoning: number];

/** The call of the tool `weather` that some of the answers hold. */
const call = (id: string, text: string): ToolCall[] => [{ id, name: "weather", arguments: text }];

// The streams are read by the contract suite.
describe.skipIf(!hasRecordings)("a true answer in one piece is read in full, text and usage:", () => {
  test.each<[name: string, Lengths, Numbers, ToolCall[]]>([
    ["openai/openai-text", [1842, 0], [16, 0, 363, 0], []],
    ["deepseek/deepseek-reasoning", [107, 935], [18, 0, 345, 315], []],
    ["groq/groq-tool-call", [0, 0], [218, 0, 15, 0], call("ax9fskhev", "{}")],
    ["mistral/mistral-text", [1926, 0], [13, 0, 434, 0], []],
    [
      "xai/xai-tool-call",
      [0, 1194],
      [63, 244, 281, 255],
      call("call_46427107", '{"location":"San Francisco"}'),
    ],
  ])("%s", async (name, lengths, numbers, toolCalls) => {
    const url = await startServer(answerWith(readRecording(`${name}.json`)));
    const { text, reasoning, finish, ...answer } = await askOpenAI(url, { stream: false });
    expect([text.length, reasoning.length]).toEqual(lengths);
    const [inputTokens, cacheReadTokens, outputTokens, reasoningTokens] = numbers;
    expect(finish).toEqual({
      type: "finish",
      reason: toolCalls.length > 0 ? "tool_calls" : "stop",
      usage: { inputTokens, cacheReadTokens, cacheWriteTokens: 0, outputTokens, reasoningTokens },
    });
    expect(answer).toEqual({ toolCalls });
  });

  test("the refusal of a reasoning model, which is one of the request", async () => {
    const body = readRecording("openai/reasoning-model-legacy-parameter-error.json");
    const url = await startServer(answerWith(body, 400));
    await expect(askOpenAI(url)).rejects.toMatchObject({ failure: "invalid_request" });
  });
});
