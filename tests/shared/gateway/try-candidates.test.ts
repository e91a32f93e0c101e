import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import { route } from "./memory-metering.ts";
import { failure, poolKey } from "./start-candidates.ts";
import { shutdown, startTries } from "./start-tries.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const down = failure("unavailable");
const forEver = Array.from({ length: 20 }, () => down);

describe("providers are called", () => {
  test("once, where the first answers: nobody is told anything, and nothing more is held for", async () => {
    const { tries, made, failed, memory } = await startTries(["answer"]);
    expect(await tries.connect()).toBe(made[0]);
    expect(made).toMatchObject([{ name: "1 env:openai", number: 1 }]);
    expect(failed).toEqual([]);
    expect(memory.extensions).toBe(0);
  });

  test("one after the other until one answers, without a wait where the next is ready", async () => {
    const { tries, made, failed } = await startTries([down, down, "answer"], {
      routes: [route({ id: 1 }), route({ id: 2, rank: 1 })],
      keys: [poolKey("a")],
    });
    expect((await tries.connect()).number).toBe(3);
    expect(made.map(({ name, atMs }) => [name, atMs])).toEqual([
      ["1 env:openai", 0],
      ["1 key:a", 0],
      ["2 env:openai", 0],
    ]);
    expect(failed).toEqual([
      "1: gpt-4o-mini with env:openai: provider_failed",
      "2: gpt-4o-mini with key:a: provider_failed",
    ]);
  });

  test("six times at the most, ever more slowly; then the last failure is told", async () => {
    const last = failure("unavailable");
    const { tries, made } = await startTries([...forEver.slice(0, 5), last, ...forEver]);
    const failed = rejectionOf(tries.connect());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await failed).toBe(last.error);
    expect(made.map(({ atMs }) => atMs)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  });

  test("six times at the most, however many there are", async () => {
    const keys = Array.from({ length: 20 }, (_, index) => poolKey(`${index}`));
    const { tries, made } = await startTries(forEver, { keys });
    expect((await rejectionOf(tries.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(6);
    expect(new Set(made.map(({ name }) => name)).size).toBe(6);
  });

  test("six times at the most, those after a break among them", async () => {
    const { tries, made } = await startTries(["answer", down, "answer"], {
      keys: ["a", "b", "c", "d", "e", "f", "g"].map((id) => poolKey(id)),
    });
    const first = await tries.connect();
    expect(tries.broke(first, failure("interrupted"))).toBe(true);
    for (let call = 3; call <= 6; call++)
      expect(tries.broke(await tries.connect(), failure("interrupted"))).toBe(true);
    expect((await rejectionOf(tries.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(6);
  });

  test("not at all where there is none", async () => {
    const { tries, made } = await startTries([], { providers: { openai: false } });
    expect((await rejectionOf(tries.connect())).code).toBe("model_unavailable");
    expect(made).toEqual([]);
  });
});

describe("a provider that asks for patience", () => {
  test("gets it, to the millisecond, where there is no other", async () => {
    const { tries, made } = await startTries([failure("rate_limited", 2_345), "answer"]);
    const connected = tries.connect();
    await vi.advanceTimersByTimeAsync(2_344);
    expect(made).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await connected).number).toBe(2);
  });

  test("gets no more than ten seconds: its failure is told at once", async () => {
    const busy = failure("rate_limited", 45_800);
    const { tries, made } = await startTries([busy, "answer"]);
    expect(await rejectionOf(tries.connect())).toBe(busy.error);
    expect(made).toHaveLength(1);
  });

  test("from the start is waited for before it is called", async () => {
    const { tries, made } = await startTries(["answer"], { coolingKeys: new Map([["env:openai", 3_000]]) });
    const connected = tries.connect();
    await vi.advanceTimersByTimeAsync(3_000);
    await connected;
    expect(made.map(({ atMs }) => atMs)).toEqual([3_000]);
  });
});

describe("the deadline", () => {
  test("is not waited for: where the next try would come later, the failure is told at once", async () => {
    const { tries, made } = await startTries([failure("rate_limited", 5_000)], { deadlineMs: 5_000 });
    expect((await rejectionOf(tries.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(1);
  });

  test("is told where nobody could be called before it", async () => {
    const { tries, made } = await startTries([], {
      deadlineMs: 3_000,
      coolingKeys: new Map([["env:openai", 3_000]]),
    });
    expect((await rejectionOf(tries.connect())).code).toBe("deadline_exceeded");
    expect(made).toEqual([]);
  });

  test("leaves room for a try that comes before it", async () => {
    const { tries, made } = await startTries([failure("rate_limited", 4_999), "answer"], {
      deadlineMs: 5_000,
    });
    const connected = tries.connect();
    await vi.advanceTimersByTimeAsync(4_999);
    await connected;
    expect(made).toHaveLength(2);
  });
});

describe("a worker that is about to be stopped", () => {
  test("calls nobody any more", async () => {
    const { tries, made } = await startTries(["answer"]);
    tries.end(shutdown);
    expect(await rejectionOf(tries.connect())).toBe(shutdown);
    expect(made).toEqual([]);
  });

  test("does not wait for the next try", async () => {
    const { tries, made } = await startTries([failure("rate_limited", 9_000)]);
    const failed = rejectionOf(tries.connect());
    await vi.advanceTimersByTimeAsync(1_000);
    tries.end(shutdown);
    expect(await failed).toBe(shutdown);
    expect(made).toHaveLength(1);
  });

  test("ends the call that is out, and lets no other follow", async () => {
    const { tries, made, ended } = await startTries([down, "nothing", "answer"], {
      keys: [poolKey("a"), poolKey("b")],
    });
    const failed = rejectionOf(tries.connect());
    await vi.advanceTimersByTimeAsync(0);
    tries.end(shutdown);
    expect(await failed).toBe(shutdown);
    expect(ended).toEqual([{ number: 2, code: "shutting_down" }]);
    expect(made).toHaveLength(2);
  });

  test("makes no call for which it was just being held", async () => {
    const { tries, made, memory } = await startTries([down, "answer"], {
      keys: [poolKey("a")],
      billed: [1],
    });
    const extending = memory.hangExtensions();
    const failed = rejectionOf(tries.connect());
    await vi.advanceTimersByTimeAsync(0);
    tries.end(shutdown);
    extending.resolve();
    expect(await failed).toBe(shutdown);
    expect(made).toHaveLength(1);
  });

  test("says so where an answer breaks off: no other may be tried", async () => {
    const { tries } = await startTries(["answer"], { keys: [poolKey("a")] });
    const call = await tries.connect();
    tries.end(shutdown);
    expect(tries.broke(call, failure("interrupted"))).toBe(false);
  });
});

describe("a call that cost money", () => {
  const keys = ["a", "b", "c"].map((id) => poolKey(id));

  test("is held for again before the next is made; one that cost nothing is not", async () => {
    const { tries, memory } = await startTries([down, down, down, "answer"], { keys, billed: [2, 4] });
    await tries.connect();
    expect(memory.extensions).toBe(1);
    expect(tries.charges()).toMatchObject([{ attempt: 2 }, { attempt: 4 }]);
  });

  test("is held for each time", async () => {
    const { tries, memory, made } = await startTries([down, down, down, "answer"], {
      keys,
      billed: [1, 2, 3, 4],
    });
    await tries.connect();
    expect(made).toHaveLength(4);
    expect(memory.extensions).toBe(3);
    expect(tries.charges().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  test.each<[why: string, act: (memory: Awaited<ReturnType<typeof startTries>>["memory"]) => void]>([
    ["a limit does not allow it", (memory) => memory.allowExtensions(1)],
    ["the database is away", (memory) => void setTimeout(memory.goAway, 100)],
  ])("is not followed by another where %s: its failure is told", async (_why, act) => {
    const { tries, memory, made } = await startTries([down, failure("rate_limited", 200), "answer"], {
      billed: [1, 2],
    });
    act(memory);
    const failed = rejectionOf(tries.connect());
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await failed).code).toBe("provider_failed");
    expect(made.length).toBeLessThan(3);
    expect(tries.charges()).toHaveLength(made.length);
  });
});

test("an answer that broke off is noted like a call that failed, and the next call has the next number", async () => {
  const { tries, failed } = await startTries([down, "answer", "answer"], {
    routes: [1, 2, 3].map((id) => route({ id, rank: id, upstreamModel: `model ${id}` })),
  });
  const second = await tries.connect();
  expect(tries.broke(second, failure("interrupted"))).toBe(true);
  expect(failed).toEqual([
    "1: model 1 with env:openai: provider_failed",
    "2: model 2 with env:openai: provider_failed",
  ]);
  const third = await tries.connect();
  expect(third).toMatchObject({ number: 3, name: "3 env:openai" });
  tries.completed(third);
  expect(tries.health).toMatchObject({ failedRoutes: [1, 2] });
});

test("an answer that we cut ourselves is not tried again", async () => {
  const { tries } = await startTries(["answer"], { keys: [poolKey("a")] });
  expect(tries.broke(await tries.connect(), failure("final"))).toBe(false);
});
