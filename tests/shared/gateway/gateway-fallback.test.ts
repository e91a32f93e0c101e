import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProviderError, type ProviderEvent } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { text } from "./live-provider.ts";
import { charge, poolKey, route } from "./memory-metering.ts";
import { listen, pump, startGateway, startTwo, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };

describe("a provider that fails before its first event", () => {
  test.each([
    [
      "says that it is down",
      (started: ReturnType<typeof startTwo>) => started.live.fail(new ProviderError("unavailable", "down")),
    ],
    [
      "refuses the key",
      (started: ReturnType<typeof startTwo>) => started.live.fail(new ProviderError("credential", "no")),
    ],
    ["is silent", () => void vi.advanceTimersByTimeAsync(20_001)],
  ])(
    "because it %s costs nothing, and the next one serves: nobody notices but for who it was",
    async (_why, act) => {
      const started = startTwo();
      const { open, live, other, memory, observed, untilOver } = started;
      const opened = open();
      await vi.advanceTimersByTimeAsync(0);
      act(started);
      other.say(text("Because."), finish);
      other.end();
      const chat = await opened;
      expect(chat.start).toMatchObject({ provider: "anthropic", credential: "pool", attempts: 2 });
      const { told, result } = listen(chat);
      expect(await result).toMatchObject({
        content: "Because.",
        costNano: 140,
        provider: "anthropic",
        attempts: 2,
      });
      expect(told).toEqual([{ type: "chunk", text: "Because." }]);
      expect(memory.settled("hold-1")?.charges).toEqual([
        charge({ ...{ attempt: 2, priceId: 22, outcome: "completed", usage }, credentialId: "key:k1" }),
      ]);
      expect(memory.extensions).toBe(0);
      expect([live.calls, other.calls].map((calls) => calls.length)).toEqual([1, 1]);
      expect(observed).toContain("openai/gpt-4o-mini at anthropic");
      expect(observed.filter((line) => line.startsWith("call 1 of openai with env:openai"))).toHaveLength(1);
      await untilOver();
    },
  );

  test("is reported, as is the key that it refuses", async () => {
    const down = startTwo();
    down.live.fail(new ProviderError("unavailable", "down"));
    down.other.say(text("Because."), finish);
    down.other.end();
    await pump(await down.open());
    expect(down.memory.settled("hold-1")?.health).toEqual({
      failedRoutes: [1],
      reachedRoutes: [],
      keyReports: [],
    });

    const busy = startTwo();
    busy.live.fail(new ProviderError("rate_limited", "slow", { retryAfterMs: 30_000 }));
    busy.other.say(text("Because."), finish);
    busy.other.end();
    await pump(await busy.open());
    expect(busy.memory.settled("hold-1")?.health).toEqual({
      failedRoutes: [],
      reachedRoutes: [],
      keyReports: [{ keyId: "env:openai/gpt", provider: "openai", reason: "rate_limited", waitMs: 30_000 }],
    });
  });

  test("is reported also where nobody else serves, with the release of the hold", async () => {
    const { open, live, memory, untilOver } = startGateway();
    live.failAlways(new ProviderError("credential", "no"));
    await rejectionOf(open());
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [],
      health: { keyReports: [{ keyId: "env:openai", reason: "credential" }] },
    });
  });

  test("and billed its prompt is paid for on a row of its own, and held for before the next is called", async () => {
    const { open, live, other, memory } = startTwo();
    const told = {
      inputTokens: 9,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: null,
      reasoningTokens: 0,
    };
    live.fail(new ProviderError("interrupted", "broke", { usage: told }));
    other.say(text("Because."), finish);
    other.end();
    const result = await pump(await open());
    expect(memory.settled("hold-1")?.charges).toEqual([
      charge({ priceId: 11, usage: told, outputBytes: 0 }),
      charge({ ...{ attempt: 2, priceId: 22, outcome: "completed", usage }, credentialId: "key:k1" }),
    ]);
    expect(memory.extensions).toBe(1);
    expect(result).toMatchObject({ costNano: 9 + 140, estimated: true, usage: { inputTokens: 19 } });
  });

  test("and billed its prompt is not followed by another where the limits do not cover that: what it cost is told", async () => {
    const { open, live, other, memory, untilOver } = startTwo();
    memory.allowExtensions(0);
    const told = {
      inputTokens: 9,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
    };
    live.fail(new ProviderError("interrupted", "broke", { usage: told }));
    const error = await rejectionOf(open());
    expect(error.toBody().error).toMatchObject({ code: "provider_failed", costNano: 9, estimated: false });
    expect(other.calls).toEqual([]);
    await untilOver();
    // It was charged, so what was asked is kept.
    expect(memory.settled("hold-1")?.messages).toEqual([{ role: "user", content: "Why blue" }]);
  });
});

describe("a provider with two keys and no other behind it", () => {
  const startAlone = () =>
    startGateway({
      routes: [route({ id: 1, priceId: 11 })],
      keys: [poolKey("k1")],
    });
  const told = {
    inputTokens: 9,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };

  test.each(["interrupted", "unavailable", "rate_limited"] as const)(
    "is not asked again after it billed for nothing (%s), and its failure is told with what it cost",
    async (failure) => {
      const { open, live, memory, untilOver } = startAlone();
      live.fail(new ProviderError(failure, "broke", { usage: told, retryAfterMs: 100 }));
      const error = await rejectionOf(open());
      const code = failure === "interrupted" ? "provider_failed" : "provider_interrupted";
      expect(error.toBody().error).toMatchObject({ code, costNano: 9 });
      expect(error.retryAfterSeconds).toBeUndefined();
      expect(live.calls).toHaveLength(1);
      expect(memory.settled("hold-1")?.health).toMatchObject({ failedRoutes: [1], keyReports: [] });
      await untilOver();
    },
  );

  test("is asked again where it broke off before it began and billed nothing", async () => {
    const { open, live, memory } = startAlone();
    live.fail(new ProviderError("interrupted", "broke"));
    live.fail(new ProviderError("interrupted", "broke"));
    live.say(text("Because."), finish);
    live.end();
    const opened = open();
    await vi.advanceTimersByTimeAsync(500);
    expect(await pump(await opened)).toMatchObject({ content: "Because.", attempts: 3, costNano: 140 });
    expect(live.calls.map(({ credential }) => credential.id)).toEqual(["env:openai", "key:k1", "env:openai"]);
    expect(memory.settled("hold-1")?.charges).toHaveLength(1);
  });
});

test("a whole answer that breaks off has been written: it is paid for by estimate, and another provider answers", async () => {
  const { openRestartable, live, other, memory } = startTwo({ maxOutputTokens: 100 });
  live.fail(new ProviderError("interrupted", "broke"));
  other.say(text("Because."), finish);
  other.end();
  const result = await pump(await openRestartable({ stream: false }));
  expect(result).toMatchObject({ content: "Because.", attempts: 2, costNano: 2 + 140, estimated: true });
  expect(memory.settled("hold-1")?.charges).toMatchObject([
    { attempt: 1, priceId: 11, outcome: "interrupted", usage: null, outputBytes: 0 },
    { attempt: 2, priceId: 22, outcome: "completed" },
  ]);
  expect(memory.extensions).toBe(1);
});

test("a route whose outage is over and that serves again is reported", async () => {
  const { open, live, memory } = startGateway({ routes: [route({ id: 5, outage: "failing" })] });
  live.say(text("Because."), finish);
  live.end();
  await pump(await open());
  expect(memory.settled("hold-1")?.health).toEqual({ failedRoutes: [], reachedRoutes: [5], keyReports: [] });
});

test("a key of the pool that does not open is told, and the chat goes on with the next", async () => {
  const { open, other, observed } = startTwo({
    routes: [route({ provider: "anthropic" })],
    keys: [poolKey("k1", "anthropic", "broken"), poolKey("k2", "anthropic")],
  });
  other.say(text("Because."), finish);
  other.end();
  const result = await pump(await open());
  expect(result).toMatchObject({ content: "Because.", credential: "pool" });
  expect(other.calls[0]?.credential.id).toBe("key:k2");
  expect(observed).toContain("key k1 does not open");
});

test("the provider that the caller prefers is asked first", async () => {
  const { open, other } = startTwo();
  other.say(text("Because."), finish);
  other.end();
  expect(await pump(await open({ provider: "anthropic" }))).toMatchObject({
    provider: "anthropic",
    attempts: 1,
  });
});

test("a route that is probed is open to others once it begins to answer, long before that is settled", async () => {
  const { open, live, memory } = startGateway({ routes: [route({ id: 5, outage: "probe" })] });
  live.say(text("Because"));
  const chat = await open();
  expect(memory.reopened).toEqual([5]);
  live.say(finish);
  live.end();
  await pump(chat);
  expect(memory.settled("hold-1")?.health).toMatchObject({ reachedRoutes: [5] });
});

test("a stream has begun after 140 s or is refused, however patient its model is", async () => {
  const started = startTwo({ firstTokenMs: 100_000 });
  const failed = rejectionOf(started.open());
  await vi.advanceTimersByTimeAsync(139_999);
  expect([started.live, started.other].map(({ calls }) => calls[0]?.signal.aborted)).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(2);
  expect((await failed).code).toBe("provider_timeout");
  await started.untilOver();
});

test("a model that may think for longer is waited for as long as its catalogue says", async () => {
  const { open, live } = startGateway({ firstTokenMs: 60_000 });
  const opened = open();
  await vi.advanceTimersByTimeAsync(59_999);
  expect(live.calls[0]?.signal.aborted).toBe(false);
  live.say(text("Because."), finish);
  live.end();
  expect(await pump(await opened)).toMatchObject({ content: "Because." });
});
