import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import {
  ProviderError,
  type ProviderEvent,
  type ProviderFailure,
} from "../../../shared/providers/provider.ts";
import { rejectionOf } from "../thrown-by.ts";
import { text } from "./live-provider.ts";
import { ownKey } from "./memory-metering.ts";
import { pump, startTwo, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const finish: ProviderEvent = { type: "finish", reason: "stop", usage };

/** Somebody with a key of their own for `openai`, who allows the platform's unless it is said otherwise. */
const start = (mayFallBack = true) => startTwo({ ownKeys: [ownKey("mine")], mayFallBack });

const failures: [failure: ProviderFailure, code: string][] = [
  ["credential", "own_key_refused"],
  ["permission", "own_key_not_permitted"],
  ["quota", "own_key_exhausted"],
];

test.each(failures)(
  "an own key that fails (%s) gives way to the platform's, which are held for anew",
  async (failure) => {
    const { open, live, memory, observed, untilOver } = start();
    live.fail(new ProviderError(failure, "no"));
    const opening = open();
    await vi.waitUntil(() => memory.gaveWay.length === 1);
    live.say(text("Because."), finish);
    live.end();
    const chat = await opening;
    expect(chat.start).toMatchObject({ provider: "openai", credential: "environment", attempts: 2 });
    await pump(chat);
    await untilOver();
    expect(memory.begun("hold-1")).toMatchObject({ fallsBack: true, continues: false });
    expect(memory.settled("hold-1")?.charges).toMatchObject([{ attempt: 2, credentialId: "env:openai" }]);
    expect(observed.filter((line) => line.startsWith("call"))).toEqual([
      expect.stringMatching(/^call 1 of openai with key:mine: own_key_/),
    ]);
  },
);

test("what was learned of the own key is told with what came of the platform's", async () => {
  const { open, live, memory } = start();
  live.fail(new ProviderError("credential", "no"));
  const opening = open();
  await vi.waitUntil(() => memory.gaveWay.length === 1);
  live.say(text("Because."), finish);
  live.end();
  await pump(await opening);
  expect(memory.settled("hold-1")).toMatchObject({
    charges: [{ attempt: 2 }],
    health: { keyReports: [{ keyId: "key:mine", reason: "credential" }] },
  });
});

test.each(failures)(
  "without leave an own key that fails (%s) is all that its owner is told",
  async (failure, code) => {
    const { open, live, memory, untilOver } = start(false);
    live.fail(new ProviderError(failure, "no"));
    expect((await rejectionOf(open())).code).toBe(code);
    await untilOver();
    expect([memory.gaveWay, memory.begun("hold-1")?.fallsBack]).toEqual([[], false]);
  },
);

test.each(["invalid_request", "content_policy", "context_length"] as const)(
  "what is wrong with the request (%s) is not asked again with another key",
  async (failure) => {
    const { open, live, memory } = start();
    live.fail(new ProviderError(failure, "no"));
    await rejectionOf(open());
    expect(memory.gaveWay).toEqual([]);
  },
);

test("a call that was charged is not followed by one at the platform's cost", async () => {
  const { open, live, memory } = start();
  const told = {
    inputTokens: 9,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };
  live.fail(new ProviderError("interrupted", "broke", { usage: told }));
  expect((await rejectionOf(open())).toBody().error.costNano).toBe(9);
  expect(memory.gaveWay).toEqual([]);
});

test.each(["unavailable", "rate_limited"] as const)(
  "an own key that cannot be called now (%s) is not asked again where the platform's may take over",
  async (failure) => {
    const { open, live, memory } = start();
    live.fail(new ProviderError(failure, "not now"));
    const opening = open();
    await vi.waitUntil(() => memory.gaveWay.length === 1);
    live.say(text("Because."), finish);
    live.end();
    expect((await opening).start).toMatchObject({ credential: "environment", attempts: 2 });
  },
);

test.each(["quota_exceeded", "model_unavailable", "hold_not_found", "database_unavailable"] as const)(
  "where the platform's keys cannot be held for (%s), the owner is told what is wrong with their own, and its hold is released",
  async (refusal) => {
    const { open, live, memory, untilOver } = start();
    memory.refuseToFallBack(new SluiceError(refusal));
    live.fail(new ProviderError("credential", "no"));
    expect((await rejectionOf(open())).code).toBe("own_key_refused");
    await untilOver();
    expect(memory.gaveWay).toEqual([]);
    expect(memory.settled("hold-1")).toMatchObject({
      charges: [],
      health: { keyReports: [{ keyId: "key:mine", reason: "credential" }] },
    });
  },
);

test("where none of the platform's keys can be called, the owner is told what is wrong with their own", async () => {
  const { open, live, memory } = startTwo({
    ...{ ownKeys: [ownKey("mine")], mayFallBack: true },
    keys: [],
    coolingKeys: new Map(["env:openai", "env:anthropic"].map((id) => [id, null])),
  });
  live.fail(new ProviderError("credential", "no"));
  expect((await rejectionOf(open())).code).toBe("own_key_refused");
  expect(memory.gaveWay).toEqual(["hold-1"]);
});
