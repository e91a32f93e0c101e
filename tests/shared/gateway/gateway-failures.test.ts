import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProviderError } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { reasoning, text, toolCall } from "./live-provider.ts";
import { beginRequest } from "./memory-metering.ts";
import { listen, pump, startGateway, startTwo, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const interruption = () => new ProviderError("interrupted", "the connection broke");

/** What is charged for a call that was cut after so many bytes of answer: an estimate, because nothing was reported. */
const cutAfter = (outputBytes: number) => [
  { attempt: 1, priceId: 3, outcome: "interrupted", usage: null, outputBytes },
];

describe("an answer that breaks off is charged by estimate, kept as far as it came, and told as an error with its cost:", () => {
  const kept = [
    { role: "user", content: "Why blue" },
    { role: "assistant", content: "Because of", finishReason: "interrupted" },
  ];

  test.each<[how: string, act: (live: ReturnType<typeof startGateway>["live"]) => void, code: string]>([
    ["the provider fails", (live) => live.fail(interruption()), "provider_interrupted"],
    [
      "anything unknown goes wrong",
      (live) => live.fail(new TypeError("x is not a function")),
      "provider_interrupted",
    ],
    ["the stream ends without a finish", (live) => live.end(), "provider_interrupted"],
    ["nothing comes for 30 s", () => void vi.advanceTimersByTime(30_001), "provider_interrupted"],
  ])("%s", async (_how, act, code) => {
    const { open, live, memory, observed, untilOver } = startGateway();
    live.say(text("Because of"));
    const failed = rejectionOf(pump(await open()));
    act(live);
    const error = await failed;
    expect(error.toBody().error).toMatchObject({
      code,
      // 8 bytes of prompt and 10 of answer, 4 to a token.
      usage: { inputTokens: 2, outputTokens: 3 },
      costNano: 5,
      estimated: true,
    });
    expect(memory.settled("hold-1")).toMatchObject({ charges: cutAfter(10), messages: kept });
    expect(observed.slice(-2)).toEqual(["settle", "about 5 nano-USD"]);
    await untilOver();
  });

  test("the deadline passes, however lively the provider is", async () => {
    const { open, live, memory } = startGateway();
    live.say(text("a"));
    const failed = rejectionOf(pump(await open()));
    for (let second = 0; second < 179; second++) {
      live.say(text("a"));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await vi.advanceTimersByTimeAsync(1_001);
    expect((await failed).code).toBe("deadline_exceeded");
    expect(live.calls[0]?.signal.aborted).toBe(true);
    expect(memory.settled("hold-1")).toMatchObject({ charges: cutAfter(180) });
  });

  test("after thoughts alone: they are charged, and what was asked is kept", async () => {
    const { open, live, memory } = startGateway();
    live.say(reasoning("Hm."));
    const failed = rejectionOf(pump(await open()));
    live.fail(interruption());
    expect((await failed).code).toBe("provider_interrupted");
    expect(memory.settled("hold-1")).toMatchObject({
      charges: cutAfter(3),
      messages: [{ role: "user" }],
    });
  });
});

test("a provider that does not stop is cut: what arrived is charged and kept, and nobody else is asked or blamed", async () => {
  const { openRestartable, live, other, memory } = startTwo();
  const calls = Array.from({ length: 128 }, (_, index) => toolCall(index, `call_${index}`, "a"));
  live.say(text("So:"), ...calls);
  const { told, result } = listen(await openRestartable());
  live.say(toolCall(128, "call_128", "a"));
  const error = await rejectionOf(result);
  expect(error.toBody().error).toMatchObject({ code: "answer_too_large", estimated: true });
  expect(told).toHaveLength(129);
  expect(other.calls).toEqual([]);
  const { charges, messages, health } = memory.settled("hold-1") ?? {};
  expect([charges, health]).toMatchObject([[{ outcome: "interrupted", outputBytes: 3 + 128 }], undefined]);
  expect(messages?.at(-1)).toMatchObject({ content: "So:", finishReason: "interrupted" });
});

test("what a provider says after its finish breaks nothing: the answer is complete", async () => {
  const { open, live, memory } = startGateway();
  live.say(text("Because."), { type: "finish", reason: "stop", usage });
  const answered = pump(await open());
  live.say(text("More."));
  expect(await answered).toMatchObject({ content: "Because.", finishReason: "stop", usage });
  expect(memory.settled("hold-1")).toMatchObject({
    charges: [{ outcome: "completed", usage }],
    messages: [{}, { content: "Because.", finishReason: "stop" }],
  });
});

describe("a provider that is silent from the start", () => {
  test("is given up after 20 s, with nothing charged and its call ended", async () => {
    const { open, live, memory, untilOver } = startGateway();
    const refused = rejectionOf(open());
    await vi.advanceTimersByTimeAsync(19_999);
    expect(live.calls[0]?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect((await refused).code).toBe("provider_timeout");
    expect(live.calls[0]?.signal.aborted).toBe(true);
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
  });
});

describe("a worker that is about to be stopped", () => {
  test("ends every chat properly: what arrived is settled, what had not begun costs nothing", async () => {
    const { gateway, open, live, memory, untilOver } = startGateway();
    live.say(text("Because"));
    const begun = rejectionOf(pump(await open({}, "hold-1")));
    const waiting = rejectionOf(open({}, "hold-2"));
    await vi.advanceTimersByTimeAsync(0);
    expect(live.calls).toHaveLength(2);

    gateway.endAll();
    expect((await begun).toBody().error).toMatchObject({ code: "shutting_down", costNano: 4 });
    expect((await waiting).code).toBe("shutting_down");
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({
      charges: cutAfter(7),
      messages: [{}, { content: "Because", finishReason: "interrupted" }],
    });
    expect(memory.settled("hold-2")).toMatchObject({ charges: [], messages: [] });
  });

  test("leaves alone what is over", async () => {
    const { gateway, open, live, memory } = startGateway();
    live.say(text("Because."), { type: "finish", reason: "stop", usage });
    live.end();
    await pump(await open());
    gateway.endAll();
    expect(live.calls[0]?.signal.aborted).toBe(false);
    expect(memory.tries).toBe(1);
  });
});

describe("a ledger that cannot be reached", () => {
  const finishedChat = async () => {
    const started = startGateway();
    started.live.say(text("Because."), { type: "finish", reason: "stop", usage });
    started.live.end();
    const chat = await started.open();
    started.memory.goAway();
    return { ...started, failed: rejectionOf(pump(chat)) };
  };

  test("is waited for 5 s; the client is told that it is pending, the settlement goes on until it works", async () => {
    const { failed, memory, failures, untilOver } = await finishedChat();
    await vi.advanceTimersByTimeAsync(5_000);
    const error = await failed;
    expect(error).toMatchObject({ code: "settlement_pending", status: 503, retryAfterSeconds: undefined });
    expect(memory.settled("hold-1")).toBeUndefined();
    expect(failures.length).toBeGreaterThan(3);
    // Should the worker die now, the figures are in the log.
    expect(failures[0]).toMatchObject({ request: { charges: [{ usage }] }, isLost: false });

    memory.comeBack();
    await vi.advanceTimersByTimeAsync(5_000);
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [{ usage }],
      messages: [{}, { content: "Because." }],
    });
  });

  test("is not noticed by the client where it is back in time", async () => {
    const started = startGateway();
    started.live.say(text("Because."), { type: "finish", reason: "stop", usage });
    started.live.end();
    const chat = await started.open();
    started.memory.goAway();
    const result = pump(chat);
    await vi.advanceTimersByTimeAsync(2_000);
    started.memory.comeBack();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await result).toMatchObject({ content: "Because.", costNano: 140 });
  });

  test("keeps the worker alive for as long as its hold lives, and then says that the figures are lost", async () => {
    const { failed, failures, untilOver } = await finishedChat();
    await vi.advanceTimersByTimeAsync(600_000);
    expect((await failed).code).toBe("settlement_pending");
    await untilOver();
    expect(failures.filter(({ isLost }) => isLost)).toHaveLength(1);
    expect(failures.at(-1)?.isLost).toBe(true);
  });

  test("before the chat refuses it, without a call; a hold that was placed after all is released", async () => {
    const { open, live, memory, failures, kept, untilOver } = startGateway();
    memory.goAway();
    expect((await rejectionOf(open())).code).toBe("database_unavailable");
    expect(live.calls).toEqual([]);
    expect(kept).toHaveLength(1);

    memory.comeBack();
    // The call had reached the database; only its answer was lost.
    memory.place(beginRequest());
    await vi.advanceTimersByTimeAsync(1_000);
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
    // Nothing was spent, so no figures have to be kept.
    expect(failures).toEqual([]);
  });
});

describe("a whole answer, which shows nothing before its end,", () => {
  const short = { stream: false, options: { maxTokens: 100 } };
  const promptOnly = [{ attempt: 1, priceId: 3, outcome: "interrupted", usage: null, outputBytes: 0 }];

  test.each<[how: string, act: (started: ReturnType<typeof startGateway>) => void, code: string]>([
    ["that breaks off", ({ live }) => live.fail(interruption()), "provider_interrupted"],
    ["that a shutdown cuts", ({ gateway }) => gateway.endAll(), "shutting_down"],
  ])(
    "%s has been written: its prompt is charged, what was asked is kept, and both are told",
    async (_how, act, code) => {
      const started = startGateway({ maxOutputTokens: 100 });
      const failed = rejectionOf(started.open(short));
      await vi.advanceTimersByTimeAsync(0);
      act(started);
      // 8 bytes of prompt, 4 to a token.
      expect((await failed).toBody().error).toMatchObject({
        code,
        usage: { inputTokens: 2 },
        costNano: 2,
        estimated: true,
      });
      await started.untilOver();
      expect(started.memory.settled("hold-1")).toMatchObject({
        charges: promptOnly,
        messages: [{ role: "user" }],
      });
    },
  );

  test("has the time of a first token and of a gap", async () => {
    const { open, memory, untilOver } = startGateway({ maxOutputTokens: 100 });
    const failed = rejectionOf(open(short));
    await vi.advanceTimersByTimeAsync(49_999);
    expect(memory.settled("hold-1")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2);
    expect((await failed).code).toBe("provider_timeout");
    await untilOver();
  });

  test("is ready before platforms lose their patience", async () => {
    const { open, live } = startGateway({ maxOutputTokens: 16_384 });
    live.say(text("a"));
    const failed = rejectionOf(pump(await open({ stream: false })));
    for (let second = 0; second < 140; second++) {
      live.say(text("a"));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await vi.advanceTimersByTimeAsync(1_001);
    expect((await failed).code).toBe("deadline_exceeded");
  });
});
