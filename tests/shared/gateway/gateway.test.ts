import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { reasoning, text } from "./live-provider.ts";
import { charge, limits, route } from "./memory-metering.ts";
import { listen, pump, startGateway, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };

describe("a chat that goes well", () => {
  test("is told as it grows, charged what the provider reports, and remembered", async () => {
    const { open, live, memory, observed, untilOver } = startGateway();
    live.say(reasoning("Hm. "), text("Because"));
    const chat = await open();
    expect(chat.start).toEqual({
      id: "hold-1",
      conversationId: "conversation-1",
      model: "openai/gpt-4o-mini",
      provider: "openai",
      credential: "environment",
      attempts: 1,
      warnings: [],
    });

    live.say(text(" of light."), finish);
    live.end();
    const { told, result } = listen(chat);
    expect(await result).toEqual({
      ...chat.start,
      content: "Because of light.",
      reasoning: "Hm. ",
      toolCalls: [],
      finishReason: "stop",
      usage,
      costNano: 140,
      estimated: false,
      limits,
    });
    expect(told).toEqual([
      { type: "reasoning", text: "Hm. " },
      { type: "chunk", text: "Because" },
      { type: "chunk", text: " of light." },
    ]);
    expect(memory.settled("hold-1")).toEqual({
      holdId: "hold-1",
      charges: [charge({ outcome: "completed", usage, outputBytes: 21 })],
      messages: [
        { role: "user", content: "Why blue" },
        { role: "assistant", content: "Because of light.", finishReason: "stop" },
      ],
      // The conversation does not keep its thoughts.
      reply: {
        requestId: "hold-1",
        part: 1,
        attempt: 1,
        content: "Because of light.",
        reasoning: "Hm. ",
        toolCalls: [],
        finishReason: "stop",
      },
    });
    expect(observed).toEqual([
      "begin",
      "first_token",
      "openai/gpt-4o-mini at openai",
      "settle",
      "140 nano-USD",
    ]);
    await untilOver();
  });

  test("is in the ledger before its result is known", async () => {
    const { open, live, memory } = startGateway();
    live.say(text("Because."), finish);
    live.end();
    const chat = await open();
    expect(memory.settled("hold-1")).toBeUndefined();
    await pump(chat).then(() => expect(memory.settled("hold-1")).toBeDefined());
  });

  test("is charged and remembered in full when nobody listens", async () => {
    const { open, live, memory, untilOver } = startGateway();
    live.say(text("Because"));
    // The client is gone; the worker lives until the chat is over.
    pump(await open());
    live.say(text(" of light."), finish);
    live.end();
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [{ outcome: "completed", usage }],
      messages: [{}, { content: "Because of light.", finishReason: "stop" }],
    });
  });

  test("is estimated where the provider reports no usage", async () => {
    const { open, live } = startGateway();
    live.say(text("Because."), { type: "finish", reason: "length", usage: null });
    live.end();
    const result = await pump(await open());
    expect(result).toMatchObject({ finishReason: "length", costNano: 2 + 2, estimated: true });
  });

  test("is remembered also where the model said nothing", async () => {
    const { open, live, memory } = startGateway();
    live.say(finish);
    live.end();
    expect(await pump(await open())).toMatchObject({ content: "", costNano: 140 });
    expect(memory.settled("hold-1")?.messages.at(-1)).toMatchObject({ role: "assistant", content: "" });
  });

  test("is stored as Postgres can store it, whatever the model writes", async () => {
    const { open, live, memory } = startGateway();
    live.say(text("a\u0000b\uD83D c"), text("\uD83C"));
    live.say(text("\uDF0D"), finish);
    live.end();
    await pump(await open());
    expect(memory.settled("hold-1")?.messages.at(-1)?.content).toBe("a\uFFFDb\uFFFD c🌍");
  });
});

describe("the provider is asked for", () => {
  test("the history and the turn, for as many tokens as were held, with the options of the caller", async () => {
    const history = [
      { role: "user" as const, content: "Hello" },
      { role: "assistant" as const, content: "Hi." },
    ];
    const { open, live, memory } = startGateway({ history, maxOutputTokens: 700 });
    live.say(finish);
    live.end();
    const conversationId = "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10";
    await pump(await open({ conversationId, options: { maxTokens: 900, temperature: 0.5, seed: 7 } }));
    expect(live.calls).toHaveLength(1);
    expect(live.calls[0]).toMatchObject({
      upstreamModel: "gpt-4o-mini",
      messages: [...history, { role: "user", content: "Why blue" }],
      maxOutputTokens: 700,
    });
    expect(live.calls[0]?.options).toEqual({ temperature: 0.5, seed: 7 });
    // The history is there already: only the turn is added.
    expect(memory.begun("hold-1")).toMatchObject({ conversationId, continues: true });
    expect(memory.settled("hold-1")?.messages).toHaveLength(2);
  });

  test.each([
    ["a stream where the caller wants one, however short", { stream: true }, 10, true],
    ["one piece where the caller wants that and it is short", { stream: false }, 256, false],
    ["a stream where one piece would take long", { stream: false }, 257, true],
  ])("%s", async (_what, given, maxOutputTokens, stream) => {
    const { open, live } = startGateway({ maxOutputTokens });
    live.say(text("Because."), finish);
    live.end();
    await pump(await open(given));
    expect(live.calls[0]?.stream).toBe(stream);
  });

  test("the first route whose provider has a key here", async () => {
    const { open, live, memory } = startGateway({
      routes: [
        route({ id: 1, priceId: 1, provider: "unheard-of" }),
        route({ id: 2, priceId: 2, provider: "anthropic", upstreamModel: "claude", rank: 1 }),
        route({ id: 3, priceId: 3, upstreamModel: "gpt-4o", rank: 2 }),
        route({ id: 4, priceId: 4, upstreamModel: "gpt-4o-mini", rank: 3 }),
      ],
    });
    live.say(finish);
    live.end();
    await pump(await open());
    expect(live.calls[0]?.upstreamModel).toBe("gpt-4o");
    expect(memory.settled("hold-1")?.charges).toMatchObject([{ priceId: 3 }]);
  });
});

describe("a chat that is refused costs nothing:", () => {
  test("by metering: the provider is not called", async () => {
    const { open, live, memory, observed } = startGateway();
    const refusal = new SluiceError("quota_exceeded", { detail: { upgrade: "pro" } });
    memory.refuse(refusal);
    expect(await rejectionOf(open())).toBe(refusal);
    expect(live.calls).toEqual([]);
    expect(memory.tries).toBe(0);
    expect(observed).toEqual(["begin"]);
  });

  test("for want of a key: the hold is given back", async () => {
    const { open, memory, untilOver } = startGateway({
      routes: [route({ provider: "anthropic", upstreamModel: "claude" })],
    });
    expect((await rejectionOf(open())).code).toBe("model_unavailable");
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
  });

  test.each([
    ["invalid_request", "provider_refused", 1],
    ["context_length", "context_length_exceeded", 1],
    ["content_policy", "content_refused", 1],
    ["credential", "provider_failed", 1],
    ["permission", "provider_failed", 1],
    ["quota", "provider_failed", 1],
    ["rate_limited", "provider_busy", 6],
    ["unavailable", "provider_failed", 6],
    ["interrupted", "provider_failed", 6],
  ] as const)(
    "by the only provider, which says %s each time before its first event: the hold is given back",
    async (failure, code, calls) => {
      const { open, live, memory, observed, untilOver } = startGateway();
      live.failAlways(new ProviderError(failure, "no"));
      const refused = rejectionOf(open());
      await vi.advanceTimersByTimeAsync(20_000);
      expect((await refused).code).toBe(code);
      expect(live.calls).toHaveLength(calls);
      await untilOver();
      expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
      const failed = live.calls.map((_, index) => `call ${index + 1} of openai with env:openai: ${code}`);
      expect(observed).toEqual(["begin", ...failed, "first_token"]);
    },
  );

  test("by a provider that ends without an event", async () => {
    const { open, live, memory, untilOver } = startGateway();
    for (let calls = 0; calls < 6; calls++) live.end();
    const refused = rejectionOf(open());
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await refused).code).toBe("provider_failed");
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
  });
});
