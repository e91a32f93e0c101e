import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI } from "./ask-provider.ts";
import { answerWith, wireStream } from "./openai-wire.ts";

/** True answers of services that speak OpenAI's format. They are no part of the project: a folder beside it, where there is one. */
const recordingsFolder = join(projectRoot, "..", "shared", "recordings");

function readRecording(context: TestContext, name: string): string {
  const path = join(recordingsFolder, name);
  context.skip(!existsSync(path), "the recordings of providers are not beside the project");
  return readFileSync(path, "utf8");
}

interface Recorded {
  content?: string | null;
  reasoning_content?: string | null;
}

/** The texts of a recording, put together in the plainest way there is. */
function joinTexts(parts: (Recorded | undefined)[]): { text: string; reasoning: string } {
  return {
    text: parts.map((part) => part?.content ?? "").join(""),
    reasoning: parts.map((part) => part?.reasoning_content ?? "").join(""),
  };
}

type Numbers = [input: number, cacheRead: number, output: number, reasoning: number];

const toUsage = ([inputTokens, cacheReadTokens, outputTokens, reasoningTokens]: Numbers) => ({
  inputTokens,
  cacheReadTokens,
  cacheWriteTokens: 0,
  outputTokens,
  reasoningTokens,
});

// The numbers are what the recordings say under `usage`; for xAI, whose completion_tokens are without the reasoning, output is
// what its own cost in the recording pays for: both.
test.for<[name: string, length: number, Numbers]>([
  ["openai/openai-text", 1724, [16, 0, 300, 0]],
  ["openai/azure-model-router.1", 19, [15, 0, 78, 64]],
  ["deepseek/deepseek-reasoning", 42, [18, 0, 219, 205]],
  ["groq/groq-tool-call", 0, [210, 0, 15, 0]],
  ["mistral/mistral-text", 38, [13, 0, 8, 0]],
  ["xai/xai-tool-call", 0, [1, 306, 253, 227]],
])("the stream recorded as %s is read in full, text and usage", async ([name, length, usage], context) => {
  const chunks = readRecording(context, `${name}.chunks.txt`).trim().split("\n");
  const answer = await askOpenAI(await startServer(answerWith(wireStream(chunks))));
  const deltas = chunks.map((chunk) => JSON.parse(chunk).choices[0]?.delta as Recorded | undefined);
  expect(answer).toEqual({
    ...joinTexts(deltas),
    finish: { type: "finish", reason: "stop", usage: toUsage(usage) },
  });
  expect(answer.text).toHaveLength(length);
});

test.for<[name: string, length: number, Numbers]>([
  ["openai/openai-text", 1842, [16, 0, 363, 0]],
  ["deepseek/deepseek-reasoning", 107, [18, 0, 345, 315]],
  ["groq/groq-tool-call", 0, [218, 0, 15, 0]],
  ["mistral/mistral-text", 1926, [13, 0, 434, 0]],
  ["xai/xai-tool-call", 0, [63, 244, 281, 255]],
])("the answer recorded as %s is read in full, text and usage", async ([name, length, usage], context) => {
  const body = readRecording(context, `${name}.json`);
  const answer = await askOpenAI(await startServer(answerWith(body)), { stream: false });
  expect(answer).toEqual({
    ...joinTexts([JSON.parse(body).choices[0].message]),
    finish: { type: "finish", reason: "stop", usage: toUsage(usage) },
  });
  expect(answer.text).toHaveLength(length);
});

test("the refusal recorded of a reasoning model is one of the request", async (context) => {
  const body = readRecording(context, "openai/reasoning-model-legacy-parameter-error.json");
  const url = await startServer(answerWith(body, 400));
  await expect(askOpenAI(url)).rejects.toMatchObject({ failure: "invalid_request" });
});
