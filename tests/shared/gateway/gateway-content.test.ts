import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ChatMessage } from "../../../shared/domain/chat-message.ts";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { moreOfCall, text, toolCall } from "./live-provider.ts";
import { poolKey, route } from "./memory-metering.ts";
import { listen, pump, startGateway, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };
const conversationId = "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10";
const call = (id: string) => ({ id, name: "weather", arguments: "{}" });
const result = (toolCallId: string): ChatMessage => ({ role: "tool", toolCallId, content: "Rain" });
const calling = (...ids: string[]): ChatMessage => ({
  role: "assistant",
  content: "",
  toolCalls: ids.map(call),
});

describe("an answer that calls tools", () => {
  const events = [
    text("Let me see."),
    toolCall(0, "call_1", "weather", '{"city"'),
    moreOfCall(0, ':"Bonn"}'),
    toolCall(1, "call_2", "time", "{}"),
    { type: "finish", reason: "tool_calls", usage, continuation: "signed" } as const,
  ];
  const toolCalls = [
    { id: "call_1", name: "weather", arguments: '{"city":"Bonn"}' },
    { id: "call_2", name: "time", arguments: "{}" },
  ];

  test("is told with its calls, and kept with what goes back with their results", async () => {
    const { open, live, memory } = startGateway();
    live.say(...events);
    live.end();
    const { told, result } = listen(await open());
    expect(await result).toMatchObject({ toolCalls, continuation: "signed", finishReason: "tool_calls" });
    expect(told.map((part) => "type" in part && part.type)).toEqual(["chunk", "tool_call", "tool_call"]);
    expect(memory.settled("hold-1")?.messages.at(-1)).toEqual({
      role: "assistant",
      content: "Let me see.",
      toolCalls,
      continuation: "signed",
      finishReason: "tool_calls",
    });
  });

  test("is charged for their bytes where no usage is reported", async () => {
    const { open, live, memory } = startGateway();
    live.say(toolCall(0, "call_1", "weather", '{"city":"Bonn"}'));
    live.say({ type: "finish", reason: "tool_calls", usage: null });
    live.end();
    await pump(await open());
    expect(memory.settled("hold-1")?.charges).toMatchObject([{ usage: null, outputBytes: 7 + 15 }]);
  });

  test("is stored as Postgres can store it, whatever the model calls them", async () => {
    const { open, live, memory } = startGateway();
    live.say(toolCall(0, "c\u0000", "n\uD83D", '{"a":"\u0000"}'), {
      type: "finish",
      reason: "tool_calls",
      usage,
    });
    live.end();
    await pump(await open({ conversationId: undefined }));
    expect(memory.settled("hold-1")?.messages.at(-1)).toMatchObject({
      toolCalls: [{ id: "c\uFFFD", name: "n\uFFFD", arguments: '{"a":"\uFFFD"}' }],
    });
  });
});

describe("the results of tools", () => {
  test("are sent behind the calls of the history, with the new messages", async () => {
    const history = [{ role: "user" as const, content: "Weather?" }, calling("a", "b")];
    const { open, live, memory } = startGateway({ history });
    live.say(text("Rain."), finish);
    live.end();
    const messages = [result("a"), result("b")];
    await pump(await open({ conversationId, messages }));
    expect(live.calls[0]?.messages).toEqual([...history, ...messages]);
    expect(memory.settled("hold-1")?.messages).toMatchObject([...messages, { content: "Rain." }]);
  });

  test.each<[why: string, history: ChatMessage[], messages: ChatMessage[], param: string]>([
    [
      "no call of the conversation asked for them",
      [calling("a")],
      [result("a"), result("z")],
      "messages.1.toolCallId",
    ],
    ["the call is not part of the history any more", [], [result("a")], "messages.0.toolCallId"],
    ["another call beside it has no result", [calling("a", "b")], [result("a")], "messages"],
  ])(
    "are refused where %s: no provider is called, nothing is charged",
    async (_why, history, messages, param) => {
      const { open, live, memory, untilOver } = startGateway({ history });
      const error = await rejectionOf(open({ conversationId, messages }));
      expect(error.toBody().error).toMatchObject({ code: "invalid_request", param });
      expect(error.message).toMatch(new RegExp(`^${param}: .+\\.$`));
      expect(live.calls).toEqual([]);
      await untilOver();
      expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
    },
  );

  test("that a conversation never got do not keep it from going on", async () => {
    const { open, live } = startGateway({ history: [{ role: "user", content: "Weather?" }, calling("a")] });
    live.say(text("Fine."), finish);
    live.end();
    await pump(await open({ conversationId }));
    expect(live.calls[0]?.messages).toEqual([
      { role: "user", content: "Weather?" },
      { role: "user", content: "Why blue" },
    ]);
  });
});

describe("what the caller chose", () => {
  const preferences = { temperature: 0.3, systemPrompt: "Be brief." };

  test("counts where the request says nothing of it", async () => {
    const { open, live } = startGateway({ preferences });
    live.say(finish);
    live.end();
    await pump(await open());
    expect(live.calls[0]).toMatchObject({
      options: { temperature: 0.3 },
      messages: [{ role: "system", content: "Be brief." }, { role: "user" }],
    });
  });

  test("gives way to the request's own temperature, and is not forced on a model that takes none", async () => {
    const { open, live } = startGateway({ preferences });
    live.say(finish);
    live.end();
    await pump(await open({ options: { temperature: 1 } }));
    expect(live.calls[0]?.options).toEqual({ temperature: 1 });

    const other = startGateway({ preferences, supportedParameters: [] });
    other.live.say(finish);
    other.live.end();
    const chat = await other.open();
    await pump(chat);
    expect([other.live.calls[0]?.options, chat.start.warnings]).toEqual([{}, []]);
  });

  test("is asked for only by requests without a system message of their own", async () => {
    const { open, live, memory } = startGateway();
    live.say(finish);
    live.end();
    await pump(await open());
    expect(memory.begun("hold-1")).toMatchObject({ takesPreferences: true, takesSystemPrompt: true });
    const other = startGateway();
    other.live.say(finish);
    other.live.end();
    const messages: ChatMessage[] = [
      { role: "system", content: "Rhyme." },
      { role: "user", content: "Hello" },
    ];
    await pump(await other.open({ messages }));
    expect(other.memory.begun("hold-1")).toMatchObject({ takesPreferences: true, takesSystemPrompt: false });
  });

  test("is told where it is a default model that cannot be used", async () => {
    const { open, live } = startGateway({ unavailableDefaultModel: "vendor/gone" });
    live.say(finish);
    live.end();
    const chat = await open();
    expect(chat.start.warnings).toEqual([
      {
        param: "model",
        message:
          "model: your default model vendor/gone cannot be used at present; openai/gpt-4o-mini answers in its place.",
      },
    ]);
    await pump(chat);
  });
});

describe("an option that changes how an answer is found", () => {
  const options = { temperature: 0.5, seed: 7, topP: 1, stop: ["END"] };

  test("is left out where the model does not know it, and named in a warning", async () => {
    const { open, live } = startGateway({ supportedParameters: ["temperature", "stop"] });
    live.say(finish);
    live.end();
    const chat = await open({ options });
    expect(live.calls[0]?.options).toEqual({ temperature: 0.5, stop: ["END"] });
    expect(chat.start.warnings.map(({ param }) => param)).toEqual(["options.topP", "options.seed"]);
    expect((await pump(chat)).warnings).toEqual(chat.start.warnings);
  });

  test("is told where it is a provider that does not serve the model", async () => {
    const warningsWith = async (provider: string) => {
      const { open, live } = startGateway();
      live.say(finish);
      live.end();
      const chat = await open({ provider });
      await pump(chat);
      return chat.start.warnings.map(({ param }) => param);
    };
    expect(await warningsWith("nosuch")).toEqual(["provider"]);
    expect(await warningsWith("openai")).toEqual([]);
  });

  test("is left out where the provider's protocol does not carry it; the next provider gets it", async () => {
    const { open, live, other } = startGateway({
      routes: [route({ id: 1 }), route({ id: 2, provider: "anthropic", rank: 1 })],
      keys: [poolKey("k1", "anthropic")],
    });
    live.limit({ dropped: ["seed"] });
    live.fail(new ProviderError("credential", "no"));
    other.say(finish);
    other.end();
    const chat = await open({ options });
    expect(live.calls[0]?.options).not.toHaveProperty("seed");
    expect(other.calls[0]?.options).toEqual(options);
    expect(chat.start.warnings).toEqual([]);
    await pump(chat);
  });
});

test("a field that no route can carry refuses the chat before a provider is called, and is named", async () => {
  const { open, live, memory, untilOver } = startGateway();
  live.limit({ refused: "messages" });
  const error = await rejectionOf(open());
  expect(error.toBody().error).toMatchObject({ code: "unsupported_parameter", param: "messages" });
  expect(live.calls).toEqual([]);
  await untilOver();
  expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
});

describe("a hold is asked for with", () => {
  test("the size of what is sent and what the model must be able to do", async () => {
    const { open, live, memory } = startGateway();
    live.say(finish);
    live.end();
    const tools = [{ name: "weather" }];
    const image = { type: "image" as const, url: "https://example.com/a.png" };
    const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "What?" }, image] }];
    await pump(
      await open({
        messages,
        model: "openai/gpt-4o",
        provider: "anthropic",
        options: { tools, stop: ["END"], maxTokens: 9 },
      }),
    );
    expect(memory.begun("hold-1")).toMatchObject({
      model: "openai/gpt-4o",
      provider: "anthropic",
      conversationId: "conversation-1",
      continues: false,
      firstText: "What?",
      prompt: {
        bytes: 5 + JSON.stringify(tools[0]).length,
        messages: 1,
        images: 1,
        overheadTokens: 1024 + 64,
      },
      outputModality: "text",
      needs: ["tools", "stop"],
      maxOutputTokens: 9,
    });
  });

  test("the first words of the user, in whole characters, for the title", async () => {
    const { open, live, memory } = startGateway();
    live.say(finish);
    live.end();
    const content = `${"a".repeat(199)}🌍`;
    const messages: ChatMessage[] = [
      { role: "system", content: "Be brief." },
      { role: "user", content },
    ];
    await pump(await open({ messages }));
    const { firstText = "" } = memory.begun("hold-1") ?? {};
    expect(firstText).toHaveLength(200);
    expect(firstText.isWellFormed()).toBe(true);
    expect(firstText.startsWith("a".repeat(199))).toBe(true);
  });
});
