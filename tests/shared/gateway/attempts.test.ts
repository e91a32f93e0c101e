import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import { poolKey, route } from "./memory-metering.ts";
import { shutdown, startAttempts } from "./start-attempts.ts";
import { failure } from "./start-candidates.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const down = failure("unavailable");
const forEver = Array.from({ length: 20 }, () => down);

describe("providers are called", () => {
  test("once, where the first answers: nobody is told anything, and nothing more is held for", async () => {
    const { attempts, made, failed, memory } = await startAttempts(["answer"]);
    expect(await attempts.connect()).toBe(made[0]);
    expect(made).toMatchObject([{ name: "1 env:openai", number: 1 }]);
    expect(failed).toEqual([]);
    expect(memory.extensions).toBe(0);
  });

  test("one after the other until one answers, without a wait where the next is ready", async () => {
    const { attempts, made, failed } = await startAttempts([down, down, "answer"], {
      routes: [route({ id: 1 }), route({ id: 2, rank: 1 })],
      keys: [poolKey("a")],
    });
    expect((await attempts.connect()).number).toBe(3);
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
    const { attempts, made } = await startAttempts([...forEver.slice(0, 5), last, ...forEver]);
    const failed = rejectionOf(attempts.connect());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await failed).toBe(last.error);
    expect(made.map(({ atMs }) => atMs)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  });

  test("six times at the most, however many there are", async () => {
    const keys = Array.from({ length: 20 }, (_, index) => poolKey(`${index}`));
    const { attempts, made } = await startAttempts(forEver, { keys });
    expect((await rejectionOf(attempts.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(6);
    expect(new Set(made.map(({ name }) => name)).size).toBe(6);
  });

  test("six times at the most, those after a break among them", async () => {
    const { attempts, made } = await startAttempts(["answer", down, "answer"], {
      routes: Array.from({ length: 8 }, (_, index) => route({ id: index, rank: index })),
    });
    const first = await attempts.connect();
    expect(attempts.broke(first, failure("interrupted"))).toBe(true);
    for (let call = 3; call <= 6; call++)
      expect(attempts.broke(await attempts.connect(), failure("interrupted"))).toBe(true);
    expect((await rejectionOf(attempts.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(6);
  });

  test("not at all where there is none", async () => {
    const { attempts, made } = await startAttempts([], { providers: { openai: false } });
    expect((await rejectionOf(attempts.connect())).code).toBe("model_unavailable");
    expect(made).toEqual([]);
  });
});

describe("a route that this request probes", () => {
  const probing = [route({ id: 7, outage: "probe" as const }), route({ id: 8, rank: 1 })];

  test("is opened for others as soon as it begins to answer", async () => {
    const { attempts, memory } = await startAttempts(["answer"], { routes: probing });
    await attempts.connect();
    expect(memory.reopened).toEqual([7]);
  });

  test("stays closed to others where it does not answer", async () => {
    const { attempts, memory } = await startAttempts([failure("silent"), "answer"], { routes: probing });
    expect((await attempts.connect()).name).toBe("8 env:openai");
    expect(memory.reopened).toEqual([]);
  });

  test("answers also where the database is away when it begins to", async () => {
    const { attempts, memory } = await startAttempts(["answer"], { routes: probing });
    memory.goAway();
    expect((await attempts.connect()).number).toBe(1);
  });

  test.each(["none", "failing", "lasting"] as const)(
    "is none that is not to be probed: nothing is said of one whose outage is %s",
    async (outage) => {
      const { attempts, memory } = await startAttempts(["answer"], { routes: [route({ outage })] });
      await attempts.connect();
      expect(memory.reopened).toEqual([]);
    },
  );
});

describe("a worker that is about to be stopped", () => {
  test("calls nobody any more", async () => {
    const { attempts, made } = await startAttempts(["answer"]);
    attempts.end(shutdown);
    expect(await rejectionOf(attempts.connect())).toBe(shutdown);
    expect(made).toEqual([]);
  });

  test("does not wait for the next try", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 9_000)]);
    const failed = rejectionOf(attempts.connect());
    await vi.advanceTimersByTimeAsync(1_000);
    attempts.end(shutdown);
    expect(await failed).toBe(shutdown);
    expect(made).toHaveLength(1);
  });

  test("ends the call that is out, and lets no other follow", async () => {
    const { attempts, made, ended } = await startAttempts([down, "nothing", "answer"], {
      keys: [poolKey("a"), poolKey("b")],
    });
    const failed = rejectionOf(attempts.connect());
    await vi.advanceTimersByTimeAsync(0);
    attempts.end(shutdown);
    expect(await failed).toBe(shutdown);
    expect(ended).toEqual([{ number: 2, code: "shutting_down" }]);
    expect(made).toHaveLength(2);
  });

  test("makes no call for which it was just being held", async () => {
    const { attempts, made, memory } = await startAttempts([down, "answer"], {
      keys: [poolKey("a")],
      billed: [1],
    });
    const extending = memory.hangExtensions();
    const failed = rejectionOf(attempts.connect());
    await vi.advanceTimersByTimeAsync(0);
    attempts.end(shutdown);
    extending.resolve();
    expect(await failed).toBe(shutdown);
    expect(made).toHaveLength(1);
  });

  test("says so where an answer breaks off: no other may be tried", async () => {
    const { attempts } = await startAttempts(["answer"], { keys: [poolKey("a")] });
    const call = await attempts.connect();
    attempts.end(shutdown);
    expect(attempts.broke(call, failure("interrupted"))).toBe(false);
  });
});

describe("a call that cost money", () => {
  const keys = ["a", "b", "c"].map((id) => poolKey(id));

  test("is held for again before the next is made; one that cost nothing is not", async () => {
    const { attempts, memory } = await startAttempts([down, down, down, "answer"], { keys, billed: [2, 4] });
    await attempts.connect();
    expect(memory.extensions).toBe(1);
    expect(attempts.charges()).toMatchObject([{ attempt: 2 }, { attempt: 4 }]);
  });

  test("is held for each time", async () => {
    const { attempts, memory, made } = await startAttempts([down, down, down, "answer"], {
      keys,
      billed: [1, 2, 3, 4],
    });
    await attempts.connect();
    expect(made).toHaveLength(4);
    expect(memory.extensions).toBe(3);
    expect(attempts.charges().map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  test.each<[why: string, act: (memory: Awaited<ReturnType<typeof startAttempts>>["memory"]) => void]>([
    ["a limit does not allow it", (memory) => memory.allowExtensions(1)],
    ["the database is away", (memory) => void setTimeout(memory.goAway, 100)],
  ])("is not followed by another where %s: its failure is told", async (_why, act) => {
    const { attempts, memory, made } = await startAttempts([down, failure("rate_limited", 200), "answer"], {
      billed: [1, 2],
    });
    act(memory);
    const failed = rejectionOf(attempts.connect());
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await failed).code).toBe("provider_failed");
    expect(made.length).toBeLessThan(3);
    expect(attempts.charges()).toHaveLength(made.length);
  });
});

test("an answer that broke off is noted like a call that failed, and the next call has the next number", async () => {
  const { attempts, failed } = await startAttempts([down, "answer", "answer"], {
    routes: [1, 2, 3].map((id) => route({ id, rank: id, upstreamModel: `model ${id}` })),
  });
  const second = await attempts.connect();
  expect(attempts.broke(second, failure("interrupted"))).toBe(true);
  expect(failed).toEqual([
    "1: model 1 with env:openai: provider_failed",
    "2: model 2 with env:openai: provider_failed",
  ]);
  const third = await attempts.connect();
  expect(third).toMatchObject({ number: 3, name: "3 env:openai" });
  attempts.completed(third);
  expect(attempts.health).toMatchObject({ failedRoutes: [1, 2] });
});

test("an answer that we cut ourselves is not tried again", async () => {
  const { attempts } = await startAttempts(["answer"], { keys: [poolKey("a")] });
  expect(attempts.broke(await attempts.connect(), failure("final"))).toBe(false);
});
