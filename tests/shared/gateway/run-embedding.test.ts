import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EmbeddingCall } from "../../../shared/gateway/run-embedding.ts";
import { ProviderError } from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { createEmbedder, type EmbeddingAnswer } from "./live-provider.ts";
import { charge, limits, route } from "./memory-metering.ts";
import { startGateway } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const usage = {
  inputTokens: 7,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
const vectors = [
  [0.1, 0.2],
  [0.3, 0.4],
];

const embedded = () => ({ vectors, usage });

/** A gateway with one embeddings model: of a provider that answers as given, and behind it of another one. */
function start(answers: EmbeddingAnswer[], secondAnswers: EmbeddingAnswer[] = []) {
  const first = createEmbedder(answers, 2);
  const second = createEmbedder(secondAnswers, 3);
  const started = startGateway(
    {
      model: "text-embedding",
      routes: [
        route({ id: 1, priceId: 11, provider: "google", upstreamModel: "embed-1" }),
        route({ id: 2, priceId: 22, provider: "mistral", upstreamModel: "embed-2", rank: 1 }),
      ],
    },
    { providers: { google: first.provider, mistral: second.provider } },
  );
  const embed = (given: Partial<EmbeddingCall> = {}) =>
    started.gateway.embed({
      id: "hold-1",
      caller: { userId: "user-1" },
      model: undefined,
      provider: undefined,
      input: ["Grüße", "a"],
      dimensions: undefined,
      observer: started.observer,
      ...given,
    });
  return { ...started, first, second, embed };
}

describe("texts that are embedded", () => {
  test("come back as vectors, charged what the provider reports", async () => {
    const { embed, first, memory, observed, untilOver } = start([embedded]);
    expect(await embed({ model: "text-embedding", dimensions: 2 })).toEqual({
      id: "hold-1",
      model: "text-embedding",
      provider: "google",
      credential: "environment",
      attempts: 1,
      warnings: [],
      vectors,
      usage,
      costNano: 7,
      estimated: false,
      limits,
      allowance: [],
    });
    expect(first.calls).toMatchObject([{ upstreamModel: "embed-1", input: ["Grüße", "a"], dimensions: 2 }]);
    expect(memory.begun("hold-1")).toEqual({
      holdId: "hold-1",
      caller: { userId: "user-1" },
      model: "text-embedding",
      conversationId: null,
      continues: false,
      firstText: "",
      prompt: { bytes: 8, messages: 2, images: 0, overheadTokens: 0 },
      outputModality: "embeddings",
      takesPreferences: false,
      takesSystemPrompt: false,
      needs: [],
      maxOutputTokens: undefined,
      idempotency: null,
      fallsBack: false,
    });
    expect(memory.settled("hold-1")).toEqual({
      holdId: "hold-1",
      charges: [
        charge({
          ...{ priceId: 11, outcome: "completed", usage },
          ...{ outputBytes: 0, credentialId: "env:google" },
        }),
      ],
      messages: [],
    });
    expect(observed).toEqual(["begin", "first_token", "text-embedding at google", "settle", "7 nano-USD"]);
    await untilOver();
  });

  test("are estimated where the provider reports no usage", async () => {
    const { embed } = start([() => ({ vectors, usage: null })]);
    expect(await embed()).toMatchObject({ costNano: 2, estimated: true });
  });

  test("are tried again where the provider was down, and elsewhere where it is not soon back", async () => {
    const down = () => new ProviderError("unavailable", "down");
    const { embed, first, second, memory } = start(
      [down(), embedded],
      [new ProviderError("rate_limited", "slow", { retryAfterMs: 60_000 })],
    );
    const result = embed();
    await vi.advanceTimersByTimeAsync(500);
    expect(await result).toMatchObject({ vectors, provider: "google", attempts: 3 });
    expect([first.calls.length, second.calls.length]).toEqual([2, 1]);
    // What failed is not charged.
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [{ attempt: 3, priceId: 11 }],
      health: {
        failedRoutes: [],
        keyReports: [{ keyId: "env:mistral/embed-2", reason: "rate_limited", waitMs: 59_500 }],
      },
    });
  });

  test("are asked of the next provider where one is silent for the time of a first token and of a gap", async () => {
    const { embed, first, memory } = start(["silence"], [embedded]);
    const result = embed();
    await vi.advanceTimersByTimeAsync(50_001);
    expect(await result).toMatchObject({ provider: "mistral", attempts: 2 });
    expect(first.calls[0]?.signal.aborted).toBe(true);
    expect(memory.settled("hold-1")?.health).toMatchObject({ failedRoutes: [1] });
  });

  test("go to the provider that the caller prefers", async () => {
    const { embed, first, memory } = start([], [embedded]);
    expect(await embed({ provider: "mistral" })).toMatchObject({ provider: "mistral", attempts: 1 });
    expect(memory.begun("hold-1")?.provider).toBe("mistral");
    expect(first.calls).toEqual([]);
  });

  test("go to a provider that takes so many at once", async () => {
    const { embed, first } = start([], [() => ({ vectors: [...vectors, [1, 1]], usage })]);
    expect(await embed({ input: ["a", "b", "c"] })).toMatchObject({ provider: "mistral", attempts: 1 });
    expect(first.calls).toEqual([]);
  });
});

describe("a refusal costs nothing, and the hold is given back:", () => {
  const refused = async (started: ReturnType<typeof start>, given: Partial<EmbeddingCall> = {}, ms = 0) => {
    const failed = rejectionOf(started.embed(given));
    await vi.advanceTimersByTimeAsync(ms);
    const error = await failed;
    await started.untilOver();
    expect(started.memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
    return error;
  };

  test("more texts than any provider takes at once", async () => {
    const started = start([]);
    const error = await refused(started, { input: ["a", "b", "c", "d"] });
    expect(error.toBody().error).toMatchObject({ code: "unsupported_parameter", param: "input" });
    expect(started.first.calls).toEqual([]);
  });

  test("a model whose providers embed nothing", async () => {
    const { gateway, observer, memory, untilOver } = startGateway();
    const call = {
      id: "hold-1",
      caller: { userId: "user-1" },
      model: undefined,
      provider: undefined,
      dimensions: undefined,
    };
    const error = await rejectionOf(gateway.embed({ ...call, input: ["a"], observer }));
    expect(error.toBody().error).toMatchObject({ code: "unsupported_parameter", param: "model" });
    await untilOver();
    expect(memory.settled("hold-1")).toMatchObject({ charges: [] });
  });

  test("of every provider: it is told, with what was learned of them", async () => {
    const started = start(
      [new ProviderError("credential", "no")],
      [new ProviderError("context_length", "too long")],
    );
    expect((await refused(started)).code).toBe("context_length_exceeded");
    expect(started.memory.settled("hold-1")?.health?.keyReports).toMatchObject([{ keyId: "env:google" }]);
    expect(started.observed).toContain("call 1 of google with env:google: provider_failed");
  });

  test("silence of every provider, each for its time", async () => {
    const started = start(["silence"], ["silence"]);
    expect((await refused(started, {}, 100_002)).code).toBe("provider_timeout");
    expect([started.first.calls.length, started.second.calls.length]).toEqual([1, 1]);
  });

  test("the end of the worker", async () => {
    const started = start(["silence"]);
    const failed = rejectionOf(started.embed());
    await vi.advanceTimersByTimeAsync(0);
    started.gateway.endAll();
    expect((await failed).code).toBe("shutting_down");
    expect(started.first.calls[0]?.signal.aborted).toBe(true);
    await started.untilOver();
    expect(started.memory.settled("hold-1")).toMatchObject({ charges: [] });
  });
});

describe("a provider that fails and bills", () => {
  const told = { ...usage, inputTokens: 9, outputTokens: null };
  const broken = () => new ProviderError("interrupted", "broke", { usage: told });
  const charge = { attempt: 1, priceId: 11, outcome: "interrupted", usage: told, outputBytes: 0 };

  test("is paid for on a row of its own, and the next one is held for before it is asked", async () => {
    const { embed, memory } = start([broken()], [embedded]);
    expect(await embed()).toMatchObject({ vectors, provider: "mistral", attempts: 2, costNano: 9 + 7 });
    expect(memory.settled("hold-1")?.charges).toMatchObject([charge, { attempt: 2, outcome: "completed" }]);
    expect(memory.extensions).toBe(1);
  });

  test("is not asked again in the same place, whatever it says", async () => {
    const { embed, first, second, memory } = start(
      [new ProviderError("unavailable", "down", { usage: told }), embedded],
      [new ProviderError("credential", "no")],
    );
    const error = await rejectionOf(embed());
    expect(error.toBody().error).toMatchObject({ costNano: 9 });
    expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
    expect(memory.settled("hold-1")?.charges).toMatchObject([charge]);
  });

  test("is not followed by another where the limits do not cover that: what it cost is told", async () => {
    const { embed, second, memory, untilOver } = start([broken()], [embedded]);
    memory.allowExtensions(0);
    const error = await rejectionOf(embed());
    expect(error.toBody().error).toMatchObject({ code: "provider_failed", costNano: 9 });
    expect(second.calls).toEqual([]);
    expect(memory.settled("hold-1")).toMatchObject({ charges: [charge], health: { failedRoutes: [1] } });
    await untilOver();
  });
});

test("the end of the worker leaves alone what is over", async () => {
  const { embed, gateway, first } = start([embedded]);
  await embed();
  gateway.endAll();
  expect(first.calls[0]?.signal.aborted).toBe(false);
});

test("vectors that are paid for but not in the ledger yet are settled later, once", async () => {
  const { embed, memory, untilOver } = start([
    () => {
      memory.goAway();
      return embedded();
    },
  ]);
  const failed = rejectionOf(embed());
  await vi.advanceTimersByTimeAsync(5_000);
  expect((await failed).code).toBe("settlement_pending");
  memory.comeBack();
  await vi.advanceTimersByTimeAsync(5_000);
  await untilOver();
  expect(memory.settled("hold-1")?.charges).toHaveLength(1);
});
