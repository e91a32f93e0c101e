import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { windingTurn } from "./anthropic-fixtures.ts";
import { sendBody } from "./anthropic-sent.ts";
import { askJson, askStream, wireEvents, wireMessage } from "./anthropic-wire.ts";

type Options = ProviderRequest["options"];

/** How a model is told to think. */
async function sendThinking(upstreamModel: string, options: Options, given: Partial<ProviderRequest> = {}) {
  const { thinking, output_config } = await sendBody({
    upstreamModel,
    maxOutputTokens: 10_000,
    options,
    ...given,
  });
  return { thinking, output_config };
}

describe("models that take a budget get a share of the answer's tokens:", () => {
  test.each<[Options["reasoningEffort"], number | undefined]>([
    [undefined, undefined],
    ["none", undefined],
    ["minimal", 1024],
    ["low", 2000],
    ["medium", 5000],
    ["high", 8000],
  ])("%s", async (reasoningEffort, budget_tokens) => {
    const thinking = budget_tokens === undefined ? undefined : { type: "enabled", budget_tokens };
    expect(await sendThinking("claude-sonnet-4-5", { reasoningEffort })).toEqual({ thinking });
  });

  test.each([
    "claude-3-7-sonnet-latest",
    "claude-sonnet-4-0",
    "claude-opus-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-haiku-4-5-20251001",
    "claude-opus-4-5;tokens=7",
  ])("%s is one of them", async (model) => {
    expect((await sendThinking(model, { reasoningEffort: "low" })).thinking).toMatchObject({
      type: "enabled",
    });
  });

  test.each([
    [2047, undefined],
    [2048, { type: "enabled", budget_tokens: 1638 }],
  ])("of %i tokens: what leaves no room for both is no budget", async (maxOutputTokens, thinking) => {
    const sent = await sendThinking("claude-haiku-4-5", { reasoningEffort: "high" }, { maxOutputTokens });
    expect(sent).toEqual({ thinking });
  });

  test("none where a tool is forced: the two exclude each other", async () => {
    const options = { reasoningEffort: "low" as const, tools: [{ name: "weather" }] };
    for (const toolChoice of ["required", { name: "weather" }] as const)
      expect(await sendThinking("claude-haiku-4-5", { ...options, toolChoice })).toEqual({});
    const { thinking } = await sendThinking("claude-haiku-4-5", { ...options, toolChoice: "auto" });
    expect(thinking).toBeDefined();
  });
});

describe("newer models think as they see fit, at the effort that was asked for, and show it:", () => {
  const adaptive = { type: "adaptive", display: "summarized" };
  test.each<[Options["reasoningEffort"], object]>([
    [undefined, {}],
    ["none", { thinking: { type: "disabled" } }],
    ["minimal", { thinking: adaptive, output_config: { effort: "low" } }],
    ["low", { thinking: adaptive, output_config: { effort: "low" } }],
    ["medium", { thinking: adaptive, output_config: { effort: "medium" } }],
    ["high", { thinking: adaptive, output_config: { effort: "high" } }],
  ])("%s", async (reasoningEffort, expected) => {
    for (const model of [
      "claude-opus-4-6",
      "claude-sonnet-4-6",
      "claude-haiku-5-5",
      "claude-opus-5;tokens=7",
    ])
      expect(await sendThinking(model, { reasoningEffort }), model).toEqual(expected);
  });

  test("those that always think are asked to do so the least", async () => {
    for (const model of ["claude-opus-5-5", "claude-fable-5-1", "claude-mythos-5"])
      expect(await sendThinking(model, { reasoningEffort: "none" })).toEqual({
        output_config: { effort: "low" },
      });
  });

  test("beside an answer that follows a schema", async () => {
    const schema = { type: "object", additionalProperties: false };
    const responseFormat = { type: "json_schema" as const, name: "a", schema };
    expect(await sendThinking("claude-opus-5", { reasoningEffort: "low", responseFormat })).toEqual({
      thinking: adaptive,
      output_config: { effort: "low", format: { type: "json_schema", schema } },
    });
  });
});

test("thoughts leave the sampling as it is", async () => {
  const sent = await sendBody({ options: { reasoningEffort: "low", temperature: 0, topP: 0.9 } });
  expect(sent).not.toHaveProperty("temperature");
  expect(sent).not.toHaveProperty("top_p");
  expect(await sendBody({ options: { reasoningEffort: "low", topP: 0.95 } })).toMatchObject({ top_p: 0.95 });
});

describe("the thoughts of a turn that calls tools", () => {
  const results: ChatMessage[] = ["toolu_a", "toolu_b"].map((toolCallId) => ({
    role: "tool",
    toolCallId,
    content: "ok",
  }));
  const question: ChatMessage = { role: "user", content: "Weather?" };
  const options: Options = { tools: [{ name: "weather" }, { name: "time" }], reasoningEffort: "low" };
  const ask = (messages: ChatMessage[], given: Partial<ProviderRequest> = {}) =>
    sendBody({ messages, options, maxOutputTokens: 10_000, upstreamModel: "claude-opus-5", ...given });

  /** The turn as a client sends it back. */
  async function readTurn(change: object = {}): Promise<ChatMessage> {
    const { text, toolCalls, finish } = await askStream(wireEvents(windingTurn));
    const { continuation = "" } = finish;
    return { role: "assistant", content: text, toolCalls, continuation, ...change } as ChatMessage;
  }
  const types = (body: Record<string, unknown>) =>
    (body.messages as { content: { type: string }[] }[])[1]?.content.map(({ type }) => type);

  test("come back as they were, each in its place", async () => {
    const { messages } = await ask([question, await readTurn(), ...results]);
    expect(messages).toMatchObject([{}, { role: "assistant", content: windingTurn.content }, {}]);
  });

  test("are the same whether the answer was streamed or came whole", async () => {
    const { finish } = await askJson(wireMessage(windingTurn));
    expect(((await readTurn()) as { continuation?: string }).continuation).toBe(finish.continuation);
  });

  test("come first where the message was changed", async () => {
    const turn = await readTurn({ content: "Another text." });
    expect(types(await ask([question, turn, ...results]))).toEqual([
      ...["thinking", "redacted_thinking", "thinking", "text", "tool_use", "tool_use"],
    ]);
  });

  test.each([
    [
      "another provider's",
      '{"provider":"google","turn":[{"type":"thinking","thinking":"a","signature":"b"}]}',
    ],
    ["a text", "thoughts"],
    ["a list", "[]"],
    ["without a turn", '{"provider":"anthropic"}'],
    ["of a turn that is none", '{"provider":"anthropic","turn":"a"}'],
    ["of blocks that are none", '{"provider":"anthropic","turn":[null,{"type":"thinking","thinking":"a"}]}'],
    ["of other blocks", '{"provider":"anthropic","turn":[{"type":"document","source":{}}]}'],
    [
      "of an impossible length",
      '{"provider":"anthropic","turn":[{"type":"text","length":-1},{"type":"redacted_thinking","data":"a"}]}',
    ],
  ])("are left out where they are %s", async (_what, continuation) => {
    const turn = await readTurn({ continuation });
    expect(types(await ask([question, turn, ...results]))).toEqual(["text", "tool_use", "tool_use"]);
  });

  test("bring nothing else with them", async () => {
    const { continuation = "" } = (await readTurn()) as { continuation?: string };
    const forged = continuation.replaceAll(
      '"signature":',
      '"cache_control":{"type":"ephemeral"},"signature":',
    );
    const body = await ask([question, await readTurn({ continuation: forged }), ...results]);
    expect(forged).toContain("cache_control");
    expect(JSON.stringify(body)).not.toContain("cache_control");
  });

  test("that have no signature are not kept", async () => {
    const content = windingTurn.content.map((block) => ({
      ...block,
      ...("signature" in block ? { signature: "" } : {}),
    }));
    const { finish } = await askStream(wireEvents({ ...windingTurn, content }));
    expect(finish.continuation).toContain("redacted_thinking");
    expect(finish.continuation).not.toContain('"thinking"');
  });

  test("stay away where thinking is off", async () => {
    const chat = [question, await readTurn(), ...results];
    for (const [upstreamModel, reasoningEffort] of [
      ["claude-opus-5", "none"],
      ["claude-sonnet-4-5", "none"],
      ["claude-sonnet-4-5", undefined],
    ] as const)
      expect(types(await ask(chat, { upstreamModel, options: { ...options, reasoningEffort } }))).toEqual([
        ...["text", "text", "tool_use", "tool_use"],
      ]);
    // A model that thinks unasked needs them, and so does one that cannot be told not to.
    const none = {
      upstreamModel: "claude-opus-5-5",
      options: { ...options, reasoningEffort: "none" as const },
    };
    expect(types(await ask(chat, none))).toContain("thinking");
    expect(types(await ask(chat, { options: { ...options, reasoningEffort: undefined } }))).toContain(
      "thinking",
    );
  });

  describe("keep thinking possible where a model needs them:", () => {
    const upstreamModel = "claude-sonnet-4-5";
    const bare = { continuation: undefined };
    test("with them", async () => {
      const chat = [question, await readTurn(), ...results];
      expect((await ask(chat, { upstreamModel })).thinking).toMatchObject({ type: "enabled" });
    });
    test("without them it is off", async () => {
      const chat = [question, await readTurn(bare), ...results];
      expect((await ask(chat, { upstreamModel })).thinking).toBeUndefined();
      expect((await ask([...chat, question], { upstreamModel })).thinking).toBeUndefined();
    });
    test("the first of calls in a row decides", async () => {
      const [first, second] = [await readTurn(), await readTurn(bare)];
      const chat = [question, first, ...results, second, ...results];
      expect((await ask(chat, { upstreamModel })).thinking).toBeDefined();
      expect((await ask([question, second, ...results, first, ...results], { upstreamModel })).thinking).toBe(
        undefined,
      );
    });
    test("turns that are over do not", async () => {
      const answer: ChatMessage = { role: "assistant", content: "Rain." };
      const chat = [question, await readTurn(bare), ...results, answer, question];
      expect((await ask(chat, { upstreamModel })).thinking).toMatchObject({ type: "enabled" });
    });
    test("newer models think without them", async () => {
      const chat = [question, await readTurn(bare), ...results];
      expect((await ask(chat)).thinking).toMatchObject({ type: "adaptive" });
    });
  });
});

test("signatures that do not end are an interruption: nothing else would stop them", async () => {
  const delta = { type: "signature_delta", signature: "x".repeat(1024 * 1024) };
  const more = Array(9).fill({ type: "content_block_delta", index: 0, delta });
  await expect(
    askStream([...more, ...wireEvents({ content: [{ type: "text", text: "Yes." }] })]),
  ).rejects.toMatchObject({ failure: "interrupted" });
});
