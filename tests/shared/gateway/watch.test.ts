import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { createWatch, type TimeLimits } from "../../../shared/gateway/watch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const limits: TimeLimits = { firstTokenMs: 20_000, gapMs: 30_000, deadlineMs: 180_000 };

/** A watch, and why it ended the call. */
function start(given: Partial<TimeLimits> = {}) {
  const all = { ...limits, ...given };
  const watch = createWatch({ limits: all, deadline: Date.now() + all.deadlineMs, now: Date.now });
  return { watch, ended: () => watch.signal.reason?.code as string | undefined };
}

/** Lets time pass. Timers fire up to a millisecond after they are due. */
const pass = (ms: number) => void vi.advanceTimersByTime(ms);

describe("a call is ended", () => {
  test("when no first event comes in time", () => {
    const { ended } = start();
    pass(19_999);
    expect(ended()).toBeUndefined();
    pass(2);
    expect(ended()).toBe("provider_timeout");
  });

  test("when nothing comes for too long after the first event", () => {
    const { watch, ended } = start();
    pass(10_000);
    watch.touch();
    pass(29_999);
    expect(ended()).toBeUndefined();
    pass(2);
    expect(ended()).toBe("provider_interrupted");
  });

  test("when nothing comes for too long, also where a gap may be shorter than the wait for the first event", () => {
    const { watch, ended } = start({ firstTokenMs: 60_000, gapMs: 5_000 });
    pass(1_000);
    watch.touch();
    pass(4_999);
    expect(ended()).toBeUndefined();
    pass(2);
    expect(ended()).toBe("provider_interrupted");
  });

  test("at its deadline, however lively it is", () => {
    const { watch, ended } = start();
    for (let second = 1; second < 180; second++) {
      pass(1_000);
      watch.touch();
    }
    expect(ended()).toBeUndefined();
    pass(1_001);
    expect(ended()).toBe("deadline_exceeded");
  });

  test("at its deadline, where that comes before the first event has to", () => {
    const { ended } = start({ deadlineMs: 5_000 });
    pass(5_001);
    expect(ended()).toBe("deadline_exceeded");
  });

  test("for a reason of ours, at once and for good", () => {
    const { watch, ended } = start();
    const reason = new SluiceError("shutting_down");
    watch.end(reason);
    expect(watch.signal.reason).toBe(reason);
    pass(1_000_000);
    expect(ended()).toBe("shutting_down");
    watch.end(new SluiceError("deadline_exceeded"));
    expect(ended()).toBe("shutting_down");
  });
});

describe("a call goes on", () => {
  test("as long as every event comes in time", () => {
    const { watch, ended } = start();
    pass(19_999);
    for (const gap of [29_999, 1, 29_999, 15_000, 29_999]) {
      watch.touch();
      pass(gap);
      expect(ended()).toBeUndefined();
    }
  });

  test("unwatched once it is over", () => {
    const { watch, ended } = start();
    watch.touch();
    watch.stop();
    pass(1_000_000);
    expect(ended()).toBeUndefined();
  });
});

test("at most one timer is set, however many events come, and none when the call is over", () => {
  for (const end of ["stop", "end"] as const) {
    const { watch } = start();
    for (let event = 0; event < 1000; event++) {
      pass(10);
      watch.touch();
      expect(vi.getTimerCount()).toBe(1);
    }
    if (end === "stop") watch.stop();
    else watch.end(new SluiceError("shutting_down"));
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("an event that comes too late sets no timer any more", () => {
  const { watch } = start();
  watch.end(new SluiceError("shutting_down"));
  watch.touch();
  expect(vi.getTimerCount()).toBe(0);
});
