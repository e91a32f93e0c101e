import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { reasoning, text, toolCall } from "./live-provider.ts";
import { listen, startTwo, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };
const interruption = () => new ProviderError("interrupted", "the connection broke");

describe("a provider that breaks off in the middle", () => {
  const breakOff = async (started: ReturnType<typeof startTwo>, canRestart: boolean) => {
    const { live, other, open, openRestartable } = started;
    live.say(reasoning("Hm."), text("Wrong"));
    const chat = await (canRestart ? openRestartable() : open());
    const listening = listen(chat);
    live.fail(interruption());
    other.say(text("Right."), finish);
    other.end();
    return { chat, ...listening };
  };

  test("has another begin again where the listener can take back what it was told; both are paid for", async () => {
    const started = startTwo();
    const { chat, told, result } = await breakOff(started, true);
    expect(await result).toMatchObject({
      content: "Right.",
      reasoning: "",
      finishReason: "stop",
      provider: "anthropic",
      attempts: 2,
      costNano: 2 + 2 + 140,
      estimated: true,
    });
    expect(chat.start).toMatchObject({ provider: "openai", attempts: 1 });
    expect(told).toEqual([
      { type: "reasoning", text: "Hm." },
      { type: "chunk", text: "Wrong" },
      {
        restart: {
          model: "openai/gpt-4o-mini",
          provider: "anthropic",
          credential: "pool",
          attempts: 2,
          warnings: [],
        },
      },
      { type: "chunk", text: "Right." },
    ]);
    const { memory, observed, untilOver } = started;
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [
        { attempt: 1, priceId: 11, outcome: "interrupted", usage: null, outputBytes: 8 },
        { attempt: 2, priceId: 22, outcome: "completed", usage },
      ],
      messages: [{ role: "user" }, { content: "Right.", finishReason: "stop" }],
      health: { failedRoutes: [1] },
    });
    expect(memory.extensions).toBe(1);
    expect(observed.filter((line) => line.startsWith("openai/gpt-4o-mini at"))).toEqual([
      "openai/gpt-4o-mini at openai",
      "openai/gpt-4o-mini at anthropic",
    ]);
    await untilOver();
  });

  test("ends with an error where the listener cannot: no two answers are glued together", async () => {
    const started = startTwo();
    const { told, result } = await breakOff(started, false);
    expect((await rejectionOf(result)).toBody().error).toMatchObject({
      code: "provider_interrupted",
      costNano: 4,
      estimated: true,
    });
    expect(told).toHaveLength(2);
    expect(started.other.calls).toEqual([]);
    expect(started.memory.settled("hold-1")).toMatchObject({
      messages: [{}, { content: "Wrong", finishReason: "interrupted" }],
      health: { failedRoutes: [1] },
    });
  });

  test.each<[why: string, act: (started: ReturnType<typeof startTwo>) => void]>([
    ["the limits do not cover another call", ({ memory }) => memory.allowExtensions(0)],
    ["every other provider is down", ({ other }) => other.fail(new ProviderError("credential", "no"))],
  ])("ends with its own error where %s, and what arrived is kept", async (_why, act) => {
    const started = startTwo();
    act(started);
    const { told, result } = await breakOff(started, true);
    expect((await rejectionOf(result)).toBody().error).toMatchObject({
      code: "provider_interrupted",
      costNano: 4,
    });
    expect(told).toHaveLength(2);
    expect(started.memory.settled("hold-1")?.messages.at(-1)).toMatchObject({ content: "Wrong" });
  });

  test("for a reason of ours is not tried again", async () => {
    const { gateway, openRestartable, live, other, memory } = startTwo();
    live.say(text("Wrong"));
    const { result } = listen(await openRestartable());
    gateway.endAll();
    expect((await rejectionOf(result)).code).toBe("shutting_down");
    expect(other.calls).toEqual([]);
    expect(memory.settled("hold-1")?.health).toBeUndefined();
  });

  test("by a refusal of the content is not tried elsewhere", async () => {
    const { openRestartable, live, other } = startTwo();
    live.say(text("Wrong"));
    const { result } = listen(await openRestartable());
    live.fail(new ProviderError("content_policy", "no"));
    expect((await rejectionOf(result)).code).toBe("provider_interrupted");
    expect(other.calls).toEqual([]);
  });

  test("after a gap of 30 s has another begin again, and the time of the whole goes on", async () => {
    const { openRestartable, live, other, memory } = startTwo();
    live.say(text("Wrong"));
    const { told, result } = listen(await openRestartable());
    const failed = rejectionOf(result);
    await vi.advanceTimersByTimeAsync(30_001);
    expect(live.calls[0]?.signal.aborted).toBe(true);
    for (let second = 30; second < 179; second++) {
      other.say(text("."));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await vi.advanceTimersByTimeAsync(1_001);
    expect((await failed).code).toBe("deadline_exceeded");
    expect(told).toContainEqual({ restart: expect.objectContaining({ provider: "anthropic", attempts: 2 }) });
    expect(memory.settled("hold-1")?.charges).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test("late in a stream has another begin again, which is given the time that any has", async () => {
    const { openRestartable, live, other } = startTwo();
    live.say(text("Wrong"));
    const { result } = listen(await openRestartable());
    for (let second = 0; second < 145; second++) {
      live.say(text("."));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    live.fail(interruption());
    await vi.advanceTimersByTimeAsync(19_999);
    other.say(text("Right."), finish);
    other.end();
    expect(await result).toMatchObject({ content: "Right.", attempts: 2 });
  });

  test("with half a tool call leaves nothing of it", async () => {
    const { open, live, memory } = startTwo();
    live.say(text("So:"), toolCall(0, "call_1", "weather", '{"ci'));
    const { result } = listen(await open());
    live.fail(interruption());
    await rejectionOf(result);
    expect(memory.settled("hold-1")?.messages.at(-1)).toEqual({
      role: "assistant",
      content: "So:",
      finishReason: "interrupted",
    });
  });
});
