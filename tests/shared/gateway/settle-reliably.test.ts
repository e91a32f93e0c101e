import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { SluiceError } from "../../../shared/domain/errors.ts";
import { releaseReliably, settleReliably } from "../../../shared/gateway/settle-reliably.ts";
import type { SettleRequest } from "../../../shared/metering/metering.ts";
import { rejectionOf } from "../thrown-by.ts";
import { beginRequest, charge, createMemoryMetering } from "./memory-metering.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const request: SettleRequest = {
  holdId: "hold-1",
  charges: [charge({ attempt: 1, outputBytes: 40 })],
  messages: [],
};

/** Metering that holds `hold-1`, and what is told of failures. */
function start() {
  const memory = createMemoryMetering();
  const startedAt = Date.now();
  const failures: { request: SettleRequest; code: string; isLost: boolean; atMs: number }[] = [];
  const reliability = {
    metering: memory.metering,
    now: Date.now,
    onFailure: (failed: SettleRequest, error: unknown, isLost: boolean) =>
      failures.push({
        request: failed,
        code: (error as SluiceError).code,
        isLost,
        atMs: Date.now() - startedAt,
      }),
  };
  memory.place(beginRequest());
  return { memory, reliability, failures };
}

describe("a settlement", () => {
  test("that works is made once and tells of no failure", async () => {
    const { memory, reliability, failures } = start();
    expect(await settleReliably(request, reliability)).toMatchObject({ costNano: 12, estimated: true });
    expect(memory.settled("hold-1")).toEqual(request);
    expect(memory.tries).toBe(1);
    expect(failures).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is tried again until it works, ever more slowly, and each failure is told with its figures", async () => {
    const { memory, reliability, failures } = start();
    memory.goAway();
    const settled = settleReliably(request, reliability);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(memory.settled("hold-1")).toBeUndefined();
    expect(failures.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
    for (const failure of failures)
      expect(failure).toMatchObject({ request, code: "database_unavailable", isLost: false });

    memory.comeBack();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await settled).toMatchObject({ costNano: 12 });
    expect(memory.settled("hold-1")).toEqual(request);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is given up when the life of its hold is over, and the last failure says that the figures are lost", async () => {
    const { memory, reliability, failures } = start();
    memory.goAway();
    const settled = rejectionOf(settleReliably(request, reliability));
    await vi.advanceTimersByTimeAsync(590_000);
    expect(failures.at(-1)).toMatchObject({ isLost: false });
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await settled).code).toBe("database_unavailable");
    expect(failures.filter(({ isLost }) => isLost)).toEqual([failures.at(-1)]);
    expect(failures.at(-1)?.atMs).toBeGreaterThan(590_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of a hold that is unknown is a failure, because what was used would be charged to nobody", async () => {
    const { reliability, failures } = start();
    const settled = rejectionOf(settleReliably({ ...request, holdId: "hold-2" }, reliability));
    await vi.advanceTimersByTimeAsync(600_000);
    expect((await settled).code).toBe("internal_error");
    expect(failures.at(-1)).toMatchObject({ request: { holdId: "hold-2" }, isLost: true });
  });
});

describe("a release", () => {
  test("of a hold that was placed after all gives it back, without any charge", async () => {
    const { memory, reliability, failures } = start();
    await releaseReliably("hold-1", reliability);
    expect(memory.settled("hold-1")).toMatchObject({ charges: [], messages: [] });
    expect(failures).toEqual([]);
  });

  test("waits for a hold whose placing is still on its way", async () => {
    const { memory, reliability } = start();
    const released = releaseReliably("hold-2", reliability);
    await vi.advanceTimersByTimeAsync(10_000);
    memory.place(beginRequest({ holdId: "hold-2" }));
    await vi.advanceTimersByTimeAsync(5_000);
    await released;
    expect(memory.settled("hold-2")).toMatchObject({ charges: [] });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("waits for as long as a hold lives while the database is away", async () => {
    const { memory, reliability } = start();
    memory.goAway();
    const released = releaseReliably("hold-1", reliability);
    await vi.advanceTimersByTimeAsync(500_000);
    memory.comeBack();
    await vi.advanceTimersByTimeAsync(5_000);
    await released;
    expect(memory.settled("hold-1")).toMatchObject({ charges: [] });
  });

  test("waits for a database that is away", async () => {
    const { memory, reliability } = start();
    memory.goAway();
    const released = releaseReliably("hold-1", reliability);
    await vi.advanceTimersByTimeAsync(10_000);
    memory.comeBack();
    await vi.advanceTimersByTimeAsync(5_000);
    await released;
    expect(memory.settled("hold-1")).toMatchObject({ charges: [] });
  });

  test("ends after a minute where there is nothing to release, and never throws", async () => {
    const { memory, reliability, failures } = start();
    const released = releaseReliably("hold-2", reliability);
    await vi.advanceTimersByTimeAsync(65_000);
    await released;
    expect(memory.settled("hold-2")).toBeUndefined();
    // Nothing is lost: there was nothing.
    expect(failures.filter(({ isLost }) => isLost)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
