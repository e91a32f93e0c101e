import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { reasoning, text } from "./live-provider.ts";
import { poolKey, route } from "./memory-metering.ts";
import { chatRequest, pump, startGateway, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };

describe("a chat that keeps no conversation", () => {
  test("stores no messages, but its reply, for a client that comes back", async () => {
    const { open, live, memory } = startGateway();
    live.say(text("Because."), finish);
    live.end();
    const chat = await open({ conversationId: null });
    expect(chat.start.conversationId).toBeNull();
    await pump(chat);
    expect(memory.begun("hold-1")).toMatchObject({ conversationId: null, continues: false });
    expect(memory.settled("hold-1")).toMatchObject({
      messages: [],
      reply: { requestId: "hold-1", attempt: 1, content: "Because.", finishReason: "stop" },
    });
  });

  test("stores no messages where it broke off, but what arrived of its reply", async () => {
    const { open, live, memory } = startGateway();
    live.say(text("Beca"));
    const failed = rejectionOf(pump(await open({ conversationId: null })));
    live.fail(new ProviderError("interrupted", "broke"));
    await failed;
    expect(memory.settled("hold-1")).toMatchObject({
      messages: [],
      reply: { content: "Beca", finishReason: "interrupted" },
    });
  });

  test("stores no messages where a whole answer broke off", async () => {
    const { gateway, observer, live, memory, untilOver } = startGateway({ maxOutputTokens: 100 });
    live.fail(new ProviderError("interrupted", "broke"));
    const request = chatRequest({ stream: false, conversationId: null });
    const call = {
      ...{ id: "hold-1", caller: { userId: "user-1" }, request, idempotency: null, observer },
      ...{ takesPreferences: true, canRestart: true },
    };
    const opening = gateway.open(call);
    expect((await rejectionOf(opening)).code).toBe("provider_interrupted");
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [{ outcome: "interrupted" }], messages: [] });
  });
});

describe("a reply that grows for longer than a second", () => {
  test("is written down while it grows, and its rest with the settlement", async () => {
    const { open, live, memory, written } = startGateway();
    live.say(reasoning("Hm."), text("one "));
    const running = pump(await open());
    for (const word of ["two ", "three ", "four "]) {
      await vi.advanceTimersByTimeAsync(600);
      live.say(text(word));
      await vi.advanceTimersByTimeAsync(0);
    }
    live.say(finish);
    live.end();
    await running;
    expect(written).toMatchObject([{ part: 1, attempt: 1, content: "one two three ", reasoning: "Hm." }]);
    expect(memory.settled("hold-1")).toMatchObject({
      messages: [{}, { content: "one two three four " }],
      reply: { part: 2, content: "four ", reasoning: "", finishReason: "stop" },
    });
  });

  test("is kept apart from what another provider began before", async () => {
    const { openRestartable, live, other, written, memory } = startGateway({
      routes: [route({ id: 1 }), route({ id: 2, provider: "anthropic", rank: 1 })],
      keys: [poolKey("k1", "anthropic")],
    });
    live.say(text("wrong"));
    const running = pump(await openRestartable());
    await vi.advanceTimersByTimeAsync(1_000);
    live.say(text(" way"));
    await vi.advanceTimersByTimeAsync(0);
    live.fail(new ProviderError("interrupted", "broke"));
    other.say(text("right"), finish);
    other.end();
    await running;
    expect(written).toMatchObject([{ part: 1, attempt: 1, content: "wrong way" }]);
    expect(memory.settled("hold-1")?.reply).toMatchObject({
      attempt: 2,
      content: "right",
      finishReason: "stop",
    });
  });

  test("is not disturbed where it cannot be written", async () => {
    const { open, live, memory } = startGateway(
      {},
      { save: async () => Promise.reject(new SluiceError("database_unavailable")) },
    );
    live.say(text("one "));
    const running = pump(await open());
    await vi.advanceTimersByTimeAsync(1_000);
    live.say(text("two "));
    await vi.advanceTimersByTimeAsync(0);
    live.say(finish);
    live.end();
    expect(await running).toMatchObject({ content: "one two " });
    expect(memory.settled("hold-1")?.reply).toMatchObject({ part: 1, content: "one two " });
  });
});
