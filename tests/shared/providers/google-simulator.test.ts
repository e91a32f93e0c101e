import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../../local/simulator/simulator.ts";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import type { Usage } from "../../../shared/domain/usage.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import type { WholeAnswer } from "./ask-provider.ts";
import { askGoogle, googleRequest, user } from "./google-wire.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

const model = "gemini-3-flash-preview";
const ask = (commands: string, given: Partial<ProviderRequest> = {}): Promise<WholeAnswer> =>
  askGoogle(`${simulator.url}/google`, { upstreamModel: `${model}${commands}`, ...given });

/** What the simulator bills for the one call whose prompt contains a text. */
async function billedFor(text: string): Promise<Usage> {
  const response = await fetch(`${simulator.url}/_simulator/calls?contains=${encodeURIComponent(text)}`);
  const { calls } = (await response.json()) as { calls: { usage: Usage }[] };
  expect(calls).toHaveLength(1);
  return (calls[0] as { usage: Usage }).usage;
}

const tools = ["weather", "time"].map((name) => ({
  name,
  parameters: { type: "object", properties: { city: { type: "string" } }, additionalProperties: false },
}));

describe.each([true, false])("streamed %s, an answer of the simulator is read as it is billed:", (stream) => {
  test.each([
    ["text", ""],
    ["much text from a cached prompt", ";tokens=300;cached=5"],
    ["thoughts", ";reasoning=40"],
    ["an answer cut by its limit", ";finish=length"],
    ["an answer cut for its content", ";finish=content_filter"],
  ])("%s", async (what, commands) => {
    const content = `${what}, streamed ${stream}?`;
    const answer = await ask(commands, {
      stream,
      messages: [{ role: "system", content: "Be kind." }, user(content)],
      options: { reasoningEffort: "low", temperature: 0.5, topP: 0.9, seed: 7, stop: ["END"] },
    });
    expect(answer.text).toMatch(/^You said: /);
    expect(answer.finish.usage).toEqual(await billedFor(content));
    if (what === "thoughts") expect(answer.reasoning).not.toBe("");
  });

  test("parallel calls, whose results bring the answer", async () => {
    const messages: ChatMessage[] = [user(`Compare, streamed ${stream}.`)];
    const asked = await ask(";tools=3", { stream, messages, options: { tools } });
    expect(asked.finish.reason).toBe("tool_calls");
    expect(asked.toolCalls.map(({ name }) => name)).toEqual(["weather", "time", "weather"]);
    const { toolCalls, finish } = asked;
    messages.push({
      role: "assistant",
      content: asked.text,
      toolCalls,
      ...(finish.continuation === undefined ? {} : { continuation: finish.continuation }),
    });
    for (const { id } of toolCalls.toReversed())
      messages.push({ role: "tool", toolCallId: id, content: '{"celsius":20}' });
    const answer = await ask(";tools=3", { stream, messages, options: { tools } });
    expect(answer).toMatchObject({ toolCalls: [], finish: { reason: "stop" } });
    expect(answer.text).not.toBe("");
  });

  test("JSON of a schema, about images", async () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    };
    const content = [
      { type: "text" as const, text: "Where?" },
      { type: "image" as const, url: "data:image/png;base64,iVBORw0KGgo=" },
      { type: "image" as const, url: "https://images.example.com/a.png" },
    ];
    const { text, finish } = await ask("", {
      stream,
      messages: [{ role: "user", content }],
      options: { responseFormat: { type: "json_schema", name: "place", schema } },
    });
    expect(JSON.parse(text)).toEqual({ city: expect.any(String) });
    expect(finish.usage?.inputTokens).toBeGreaterThan(1000);
  });

  test("a blocked prompt", async () => {
    expect((await ask(";blocked", { stream })).finish.reason).toBe("content_filter");
  });
});

test.each([
  ["status=429;code=PerDay", "quota"],
  ["status=429;retryafter=3", "rate_limited"],
  ["status=400;code=context_length_exceeded", "context_length"],
  ["status=400;code=content_policy", "content_policy"],
  ["status=400;code=API_KEY_INVALID", "credential"],
  ["status=400", "invalid_request"],
  ["status=403", "permission"],
  ["status=404", "permission"],
  ["status=503", "unavailable"],
  ["reset", "unavailable"],
  ["cut=10", "interrupted"],
  ["end=10", "interrupted"],
  ["error=10", "interrupted"],
])("the simulator's fault %s is %s", async (command, failure) => {
  const thrown = await ask(`;${command}`).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ProviderError);
  expect(thrown).toMatchObject({
    failure,
    ...(command.includes("retryafter") ? { retryAfterMs: 3000 } : {}),
  });
});

test("an answer that breaks off tells what it used so far", async () => {
  const content = "Why does it break?";
  const thrown = await ask(";cut=10;reasoning=4", { messages: [user(content)] }).catch(
    (error: unknown) => error,
  );
  expect((thrown as ProviderError).usage).toEqual(await billedFor(content));
});

test("one garbled chunk does not cost the answer", async () => {
  expect((await ask(";malformed=5;tokens=20")).finish.reason).toBe("stop");
});

test("embeddings have one vector for each text, of the length asked for", async () => {
  const { credential, signal } = googleRequest();
  const provider = createGoogleProvider({ baseUrl: `${simulator.url}/google`, fetch });
  for (const upstreamModel of ["gemini-embedding-001", "gemini-embedding-2"]) {
    const input = ["one", "two", "three"];
    const answer = await provider.embeddings?.embed({
      upstreamModel,
      credential,
      signal,
      input,
      dimensions: 8,
    });
    expect(answer?.vectors.map(({ length }) => length)).toEqual([8, 8, 8]);
    expect(answer?.usage?.inputTokens).toBeGreaterThan(0);
  }
});
