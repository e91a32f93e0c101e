import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { rejectionOf } from "../thrown-by.ts";
import { beginRequest } from "./memory-metering.ts";
import { startGateway } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

test("a worker that is being stopped calls no provider any more: the hold is released", async () => {
  const { gateway, open, live, memory, untilOver } = startGateway();
  const failed = rejectionOf(open());
  gateway.endAll();
  expect((await failed).code).toBe("shutting_down");
  expect(live.calls).toEqual([]);
  await untilOver();
  expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
});

test("a hold that takes too long is not waited for: the caller is told within 5 s, and it is released when it comes", async () => {
  const { open, live, memory, untilOver } = startGateway();
  const placing = memory.hang();
  const failed = rejectionOf(open());
  await vi.advanceTimersByTimeAsync(4_500);
  expect(await failed).toMatchObject({ code: "database_unavailable", retryAfterSeconds: 2 });
  placing.resolve();
  await vi.advanceTimersByTimeAsync(10_000);
  await untilOver();
  expect(live.calls).toEqual([]);
  expect(memory.settled("hold-1")).toMatchObject({ charges: [] });
});

test.each([
  ["a fault of ours", new SluiceError("internal_error")],
  ["an answer that nobody understands", new TypeError("answer.limits is not iterable")],
])("a hold that was placed, but whose placing ended in %s, is released", async (_what, error) => {
  const { open, live, memory, untilOver } = startGateway();
  memory.place(beginRequest());
  memory.refuse(error);
  await expect(open()).rejects.toBe(error);
  await untilOver();
  expect(live.calls).toEqual([]);
  expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
});

test("what the database refuses is not looked after: nothing is held", async () => {
  const { open, memory, kept } = startGateway();
  for (const code of ["quota_exceeded", "rate_limited", "request_running", "model_unavailable"] as const) {
    memory.refuse(new SluiceError(code));
    expect((await rejectionOf(open())).code).toBe(code);
  }
  expect([memory.tries, kept.length]).toEqual([0, 0]);
});

test("in a long outage a bounded number of holds is looked after, so that settlements are not held up", async () => {
  const { open, memory, kept, untilOver } = startGateway();
  memory.goAway();
  const refused = Array.from({ length: 300 }, (_, index) => rejectionOf(open({}, `hold-${index}`)));
  for (const { code } of await Promise.all(refused)) expect(code).toBe("database_unavailable");
  expect(memory.tries).toBe(256);
  expect(kept).toHaveLength(300);

  // Those that are settled make room for others.
  memory.comeBack();
  await vi.advanceTimersByTimeAsync(70_000);
  await untilOver();
  memory.goAway();
  const before = memory.tries;
  await rejectionOf(open({}, "hold-300"));
  expect(memory.tries).toBe(before + 1);
  memory.comeBack();
  await vi.advanceTimersByTimeAsync(70_000);
  await untilOver();
});
