import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../../local/simulator/simulator.ts";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import * as dialects from "../../../shared/providers/openai-dialects.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { providerRequest, readWholeAnswer, testCredential, type WholeAnswer } from "./ask-provider.ts";

// The adapter against all of OpenAI's and OpenRouter's protocols that the simulator has: it refuses what they refuse.

let simulator: Awaited<ReturnType<typeof startSimulator>>;
beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

const services = {
  OpenAI: { path: "/openai/v1", dialect: dialects.openai },
  OpenRouter: { path: "/openrouter/api/v1", dialect: dialects.openrouter },
};

const tools = [
  {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  { name: "now" },
];

describe.each(Object.entries(services))("%s:", (name, { path, dialect }) => {
  const provide = () => createOpenAIProvider({ baseUrl: `${simulator.url}${path}`, fetch, dialect });
  const modelOf = (commands: string) => `${name === "OpenAI" ? "" : "openai/"}gpt-4o-mini${commands}`;
  const ask = (commands: string, given: Partial<ProviderRequest> = {}) =>
    readWholeAnswer(provide().chat(providerRequest({ upstreamModel: modelOf(commands), ...given })));
  const fail = (commands: string, given: Partial<ProviderRequest> = {}): Promise<unknown> =>
    ask(commands, given).then(
      () => "there was an answer",
      (error: unknown) => error,
    );

  test.each([true, false])("an answer is read in full, text and usage (stream: %s)", async (stream) => {
    const { text, finish } = await ask(";tokens=20;cached=3;reasoning=5", { stream });
    expect(text).toMatch(/^You said: /);
    expect(finish).toMatchObject({ reason: "stop", usage: { cacheReadTokens: 3, reasoningTokens: 5 } });
  });

  test.each([true, false])(
    "tools are called in parallel, and their results come back (stream: %s)",
    async (stream) => {
      const question: ChatMessage = { role: "user", content: "Weather and time?" };
      const given = { stream, options: { tools, parallelToolCalls: true }, messages: [question] };
      const first = await ask(";tools=2", given);
      expect(first.toolCalls.map((call) => call.name)).toEqual(["weather", "now"]);
      expect(JSON.parse(first.toolCalls[0]?.arguments ?? "")).toEqual({ city: expect.any(String) });
      expect(first.finish.reason).toBe("tool_calls");
      const messages = [question, toMessage(first), ...first.toolCalls.map(toResult)];
      const second = await ask("", { ...given, messages });
      expect(second).toMatchObject({ toolCalls: [], finish: { reason: "stop" } });
      expect(second.text).not.toBe("");
    },
  );

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
    const options = { temperature: 2, topP: 1, stop: ["END"], seed: 1, toolChoice: "auto" as const, tools };
    expect((await ask("", { messages, options })).finish.reason).toBe("stop");
  });

  test.each([
    [";status=500", "unavailable"],
    [";status=503", "unavailable"],
    [";status=429", "rate_limited"],
    [";status=404", "permission"],
    [";status=403", "permission"],
    [";status=402", "quota"],
    [";status=401", "credential"],
    [";status=400;code=context_length_exceeded", "context_length"],
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
    const credential = testCredential("sk-invalid-0123456789");
    expect(await fail("", { credential })).toMatchObject({ failure: "credential" });
  });

  test("a garbled chunk costs no more than itself, and no [DONE] costs nothing", async () => {
    const whole = await ask(";tokens=20");
    expect(await ask(";tokens=20;malformed=5")).toEqual(whole);
    expect(await ask(";tokens=20;done=none")).toEqual(whole);
  });
});

test("embeddings are read, with the usage", async () => {
  const { embeddings } = createOpenAIProvider({ baseUrl: `${simulator.url}/openai/v1`, fetch });
  const answer = await embeddings?.embed({
    upstreamModel: "text-embedding-3-small",
    credential: testCredential(),
    signal: new AbortController().signal,
    input: ["one", "two"],
    dimensions: 8,
  });
  expect(answer?.vectors.map((vector) => vector.length)).toEqual([8, 8]);
  expect(answer?.usage?.inputTokens).toBeGreaterThan(0);
});

function toMessage({ text, toolCalls, finish: { continuation } }: WholeAnswer): ChatMessage {
  return { role: "assistant", content: text, toolCalls, ...(continuation ? { continuation } : {}) };
}

function toResult({ id }: WholeAnswer["toolCalls"][number]): ChatMessage {
  return { role: "tool", toolCallId: id, content: "ok" };
}
