import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../../local/simulator/simulator.ts";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { askAnthropic } from "./anthropic-wire.ts";
import { testCredential, type WholeAnswer } from "./ask-provider.ts";

// The adapter against all of Anthropic's protocol that the simulator has: it refuses what Anthropic refuses.

let simulator: Awaited<ReturnType<typeof startSimulator>>;
beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

const ask = (commands: string, given: Partial<ProviderRequest> = {}) =>
  askAnthropic(`${simulator.url}/anthropic`, { upstreamModel: `claude-sonnet-4-5${commands}`, ...given });
const fail = (commands: string, given: Partial<ProviderRequest> = {}): Promise<unknown> =>
  ask(commands, given).then(
    () => "there was an answer",
    (error: unknown) => error,
  );

test.each([true, false])("an answer is read in full, text and usage (stream: %s)", async (stream) => {
  const { text, finish } = await ask(";tokens=20;cached=3", { stream });
  expect(text).toMatch(/^You said: /);
  expect(finish).toMatchObject({ reason: "stop", usage: { cacheReadTokens: 3, outputTokens: 20 } });
});

const tools = [
  {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  { name: "time" },
];

test.each(["claude-sonnet-4-5", "claude-opus-5"])(
  "%s calls tools in parallel, and their results and its thoughts come back to it",
  async (model) => {
    const question: ChatMessage = { role: "user", content: "Weather and time?" };
    const options: ProviderRequest["options"] = { tools, reasoningEffort: "low" };
    const given = { options, maxOutputTokens: 4096, messages: [question] };
    const first = await ask("", { ...given, upstreamModel: `${model};tools=2;reasoning=30` });
    expect(first.toolCalls.map(({ name }) => name)).toEqual(["weather", "time"]);
    expect(first.reasoning).not.toBe("");
    expect(first.finish).toMatchObject({ reason: "tool_calls", continuation: expect.any(String) });
    const { text, finish } = await ask("", {
      ...given,
      upstreamModel: model,
      messages: [question, toMessage(first), ...first.toolCalls.map(toResult)],
    });
    expect(text).not.toBe("");
    expect(finish.reason).toBe("stop");
  },
);

function toMessage({ text, toolCalls, finish: { continuation } }: WholeAnswer): ChatMessage {
  return { role: "assistant", content: text, toolCalls, ...(continuation ? { continuation } : {}) };
}

function toResult({ id }: WholeAnswer["toolCalls"][number]): ChatMessage {
  return { role: "tool", toolCallId: id, content: "ok" };
}

test("an answer follows the schema that was asked for", async () => {
  const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const responseFormat = { type: "json_schema" as const, name: "place", schema };
  const { text } = await ask("", { options: { responseFormat } });
  expect(JSON.parse(text)).toEqual({ city: expect.any(String) });
});

test("a history of all shapes is accepted, with images and options", async () => {
  const messages: ChatMessage[] = [
    { role: "system", content: "Be brief." },
    { role: "assistant", content: "How can I help?" },
    { role: "user", content: "Look." },
    { role: "system", content: "Be kind." },
    {
      role: "user",
      content: [
        { type: "image", url: "https://example.com/a.png" },
        { type: "image", url: "data:image/png;base64,AAAA" },
        { type: "text", text: "What is this?" },
      ],
    },
  ];
  const options = { temperature: 2, stop: ["END"], seed: 1, toolChoice: "auto" as const, tools };
  expect((await ask("", { messages, options })).finish.reason).toBe("stop");
});

describe("a fault is told as what it is:", () => {
  test.each([
    [";status=529", "unavailable"],
    [";status=500", "unavailable"],
    [";status=429", "rate_limited"],
    [";status=404", "permission"],
    [";status=401", "credential"],
    [";status=400;code=context_length_exceeded", "context_length"],
    [";status=429;code=enforced_spend_limit_reached", "quota"],
    [";reset", "unavailable"],
    [";tokens=20;cut=5", "interrupted"],
    [";tokens=20;end=5", "interrupted"],
    [";tokens=20;error=5", "interrupted"],
  ])("%s is %s", async (commands, failure) => {
    const error = await fail(commands);
    expect(error).toBeInstanceOf(ProviderError);
    expect(error).toMatchObject({ failure });
  });

  test("a wrong key is the credential's", async () => {
    expect(await fail("", { credential: testCredential("sk-invalid-0123456789") })).toMatchObject({
      failure: "credential",
    });
  });

  test("an interruption knows the prompt's tokens", async () => {
    expect(await fail(";tokens=20;cut=5")).toMatchObject({
      usage: { inputTokens: expect.any(Number), outputTokens: null },
    });
  });

  test("a garbled event costs no more than itself", async () => {
    const { text, finish } = await ask(";tokens=20;malformed=5");
    const whole = await ask(";tokens=20");
    expect(finish).toEqual(whole.finish);
    expect(text).toBe(whole.text);
  });
});
