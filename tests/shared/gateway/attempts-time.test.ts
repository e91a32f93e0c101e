import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { rejectionOf } from "../thrown-by.ts";
import { poolKey, route } from "./memory-metering.ts";
import { startAttempts } from "./start-attempts.ts";
import { failure } from "./start-candidates.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("a provider that asks for patience", () => {
  test("gets it, to the millisecond, where there is no other", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 2_345), "answer"]);
    const connected = attempts.connect();
    await vi.advanceTimersByTimeAsync(2_344);
    expect(made).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await connected).number).toBe(2);
  });

  test("gets no more than ten seconds: its failure is told at once", async () => {
    const busy = failure("rate_limited", 45_800);
    const { attempts, made } = await startAttempts([busy, "answer"]);
    expect(await rejectionOf(attempts.connect())).toBe(busy.error);
    expect(made).toHaveLength(1);
  });

  test("from the start is waited for before it is called", async () => {
    const { attempts, made } = await startAttempts(["answer"], {
      coolingKeys: new Map([["env:openai", 3_000]]),
    });
    const connected = attempts.connect();
    await vi.advanceTimersByTimeAsync(3_000);
    await connected;
    expect(made.map(({ atMs }) => atMs)).toEqual([3_000]);
  });
});

describe("the deadline", () => {
  test("is not waited for: where the next try would come later, the failure is told at once", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 5_000)], { deadlineMs: 5_000 });
    expect((await rejectionOf(attempts.connect())).code).toBe("provider_failed");
    expect(made).toHaveLength(1);
  });

  test("is told where nobody could be called before it", async () => {
    const { attempts, made } = await startAttempts([], {
      deadlineMs: 3_000,
      coolingKeys: new Map([["env:openai", 3_000]]),
    });
    expect((await rejectionOf(attempts.connect())).code).toBe("deadline_exceeded");
    expect(made).toEqual([]);
  });

  test("leaves room for a try that comes before it", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 4_999), "answer"], {
      deadlineMs: 5_000,
    });
    const connected = attempts.connect();
    await vi.advanceTimersByTimeAsync(4_999);
    await connected;
    expect(made).toHaveLength(2);
  });
});

describe("the time within which an answer has to begin", () => {
  test("is told to each call as what is left of it; the deadline, where nothing else is said", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 2_000), "answer", "answer"], {
      deadlineMs: 60_000,
      routes: [route({ id: 1 })],
      keys: [],
    });
    const connected = attempts.connect(Date.now() + 5_000);
    await vi.advanceTimersByTimeAsync(2_000);
    attempts.broke(await connected, failure("unavailable"));
    const again = attempts.connect();
    await vi.advanceTimersByTimeAsync(10_000);
    await again;
    expect(made.map(({ atMs, withinMs }) => atMs + withinMs)).toEqual([5_000, 5_000, 60_000]);
  });

  test("is not waited beyond: where the next try would come later, the failure is told at once", async () => {
    const { attempts, made } = await startAttempts([failure("rate_limited", 5_000), "answer"]);
    expect((await rejectionOf(attempts.connect(Date.now() + 5_000))).code).toBe("provider_failed");
    expect(made).toHaveLength(1);
  });

  test("keeps everybody from being called who would have none of it, and from being blamed", async () => {
    const { attempts, made } = await startAttempts(["nothing", "answer"], { keys: [poolKey("a")] });
    const failed = rejectionOf(attempts.connect(Date.now() + 5_000));
    await vi.advanceTimersByTimeAsync(5_000);
    made[0]?.fail(failure("credential"));
    expect((await failed).code).toBe("provider_failed");
    expect(made).toHaveLength(1);
    const late = await startAttempts(["answer"]);
    expect((await rejectionOf(late.attempts.connect(Date.now()))).code).toBe("deadline_exceeded");
    expect([late.made, late.attempts.health]).toEqual([[], undefined]);
  });
});
