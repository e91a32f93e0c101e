import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import * as dialects from "../../../shared/providers/openai-dialects.ts";
import { providerRequest, readWholeAnswer, type WholeAnswer } from "./ask-provider.ts";
import { wireCall, wireChunks, wireCompletion, wireStream } from "./openai-wire.ts";

interface Turn {
  answer: WholeAnswer;
  /** The assistant's message of the history, as it was sent. */
  sent: Record<string, unknown>;
}

/** Asks with tools and, where given, a continuation in the history. */
async function ask(
  dialect: dialects.Dialect,
  texts: object[],
  {
    stream = true,
    continuation,
    hasTools = true,
  }: { stream?: boolean; continuation?: string | undefined; hasTools?: boolean } = {},
): Promise<Turn> {
  let sent: Turn["sent"] = {};
  const deliver: typeof fetch = async (_input, init) => {
    sent = JSON.parse(String(init?.body)).messages[1];
    return new Response(stream ? wireStream(wireChunks({ texts })) : wireCompletion({ texts }));
  };
  const provider = createOpenAIProvider({ baseUrl: "https://provider.test", fetch: deliver, dialect });
  const messages: ChatMessage[] = [
    { role: "user", content: "Is it warm?" },
    {
      role: "assistant",
      content: "",
      toolCalls: [{ id: "abcdefghi", name: "weather", arguments: "{}" }],
      ...(continuation === undefined ? {} : { continuation }),
    },
    { role: "tool", toolCallId: "abcdefghi", content: "20" },
  ];
  const options = hasTools ? { tools: [{ name: "weather" }] } : {};
  const answer = await readWholeAnswer(provider.chat(providerRequest({ messages, options, stream })));
  return { answer, sent };
}

const call = { tool_calls: [wireCall("call_a", "weather", "{}")] };

describe("DeepSeek gets back the thoughts that led to a call:", () => {
  const texts = [{ reasoning_content: "I need " }, { reasoning_content: "the weather." }, call];

  test.each([true, false])("streamed: %s", async (stream) => {
    const { answer } = await ask(dialects.deepseek, texts, { stream });
    expect(answer.reasoning).toBe("I need the weather.");
    const { sent } = await ask(dialects.deepseek, texts, { continuation: answer.finish.continuation });
    expect(sent).toMatchObject({ role: "assistant", reasoning_content: "I need the weather." });
    expect(sent.tool_calls).toHaveLength(1);
  });

  test("and thinks on", async () => {
    const { answer } = await ask(dialects.deepseek, texts);
    const provider = createOpenAIProvider({
      baseUrl: "https://provider.test",
      fetch,
      dialect: dialects.deepseek,
    });
    const { continuation } = answer.finish;
    const messages: ChatMessage[] = [
      {
        role: "assistant",
        content: "",
        toolCalls: answer.toolCalls,
        ...(continuation ? { continuation } : {}),
      },
    ];
    const options = { reasoningEffort: "high" as const };
    expect(provider.findLimitations(providerRequest({ messages, options })).dropped).toEqual([]);
  });
});

describe("OpenRouter gets back the details of the thoughts, put together from their pieces:", () => {
  const pieces = [
    [
      {
        type: "reasoning.text",
        text: "I need ",
        signature: null,
        id: "r1",
        format: "anthropic-claude-v1",
        index: 0,
      },
    ],
    [{ type: "reasoning.text", signature: "c2lnbmVk", index: 0 }],
    [
      { type: "reasoning.text", text: "the weather.", signature: null, index: 0 },
      { type: "reasoning.encrypted", data: "ZW5j", id: "r2", format: "anthropic-claude-v1", index: 1 },
    ],
    [{ type: "reasoning.encrypted", data: "cnlwdGVk", id: "r3", format: "anthropic-claude-v1", index: 2 }],
  ];
  const details = [
    {
      type: "reasoning.text",
      text: "I need the weather.",
      signature: "c2lnbmVk",
      id: "r1",
      format: "anthropic-claude-v1",
      index: 0,
    },
    pieces[2]?.[1],
    pieces[3]?.[0],
  ];
  const streamed = [...pieces.map((reasoning_details) => ({ reasoning_details })), call];

  test("streamed", async () => {
    const { answer } = await ask(dialects.openrouter, streamed);
    const { sent } = await ask(dialects.openrouter, [call], { continuation: answer.finish.continuation });
    expect(sent.reasoning_details).toEqual(details);
  });

  test("in one piece, as they are", async () => {
    let sent: unknown;
    const message = { content: null, reasoning_details: details, ...call };
    const deliver: typeof fetch = async (_input, init) => {
      sent = JSON.parse(String(init?.body)).messages[0].reasoning_details;
      return new Response(JSON.stringify({ choices: [{ message, finish_reason: "tool_calls" }] }));
    };
    const provider = createOpenAIProvider({
      baseUrl: "https://provider.test",
      fetch: deliver,
      dialect: dialects.openrouter,
    });
    const options = { tools: [{ name: "weather" }] };
    const askWhole = async (messages: ChatMessage[]) =>
      readWholeAnswer(provider.chat(providerRequest({ messages, options, stream: false })));
    const { finish, toolCalls } = await askWhole([{ role: "user", content: "Is it warm?" }]);
    await askWhole([
      { role: "assistant", content: "", toolCalls, continuation: finish.continuation as string },
    ]);
    expect(sent).toEqual(details);
  });
});

describe("there is no continuation", () => {
  const thought = { reasoning_content: "Hm.", reasoning_details: [{ type: "reasoning.text", text: "Hm." }] };

  test.each<[string, dialects.Dialect, object[], boolean]>([
    ["without a call", dialects.deepseek, [thought, { content: "Yes." }], true],
    ["without thoughts", dialects.deepseek, [call], true],
    ["without tools in the request", dialects.openrouter, [thought, call], false],
    ["for a service that wants none", dialects.openai, [thought, call], true],
    [
      "of what is none",
      dialects.openrouter,
      [{ reasoning_details: ["x", null] }, { reasoning_details: "x" }, call],
      true,
    ],
  ])("%s", async (_what, dialect, texts, hasTools) => {
    const { answer } = await ask(dialect, texts, { hasTools });
    expect(answer.finish).not.toHaveProperty("continuation");
  });
});

test.each([
  ["is no JSON", "{"],
  ["is null", "null"],
  ["is of another provider", '{"provider":"anthropic","reasoning_content":[{}]}'],
  ["has a text for the details", '{"reasoning_details":"x"}'],
  ["has details that are none", '{"reasoning_details":["x"],"reasoning_content":""}'],
])("a continuation that %s is ignored", async (_what, continuation) => {
  for (const dialect of [dialects.deepseek, dialects.openrouter]) {
    const { sent } = await ask(dialect, [call], { continuation });
    expect(Object.keys(sent)).toEqual(["role", "content", "tool_calls"]);
  }
});

test("of a continuation nothing is sent but the thoughts: no other member gets into the request", async () => {
  const continuation = '{"reasoning_content":"Hm.","role":"system","tool_calls":[],"content":"x"}';
  const { sent } = await ask(dialects.deepseek, [call], { continuation });
  expect(sent).toMatchObject({ role: "assistant", content: null, reasoning_content: "Hm." });
  expect(sent.tool_calls).toHaveLength(1);
});

test("details that do not end are an interruption: nothing else would stop them", async () => {
  const detail = { reasoning_details: [{ type: "reasoning.encrypted", data: "x".repeat(1024 * 1024) }] };
  await expect(ask(dialects.openrouter, [...Array(9).fill(detail), call])).rejects.toMatchObject({
    failure: "interrupted",
  });
});
