import { describe, expect, test } from "vitest";
import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { createRequestLog } from "../../../shared/http/request-log.ts";

/** A log with a clock that the test sets. */
function startLog() {
  const clock = { time: 5000 };
  const lines: string[] = [];
  const log = createRequestLog({
    requestId: "request-1",
    method: "POST",
    path: "/ai-chat",
    now: () => clock.time,
    write: (line) => lines.push(line),
  });
  return { clock, log, lines };
}

describe("the times of a request", () => {
  test("are those of each phase since the one before, and the total, in milliseconds", () => {
    const { clock, log, lines } = startLog();
    clock.time += 1.234_56;
    log.mark("auth");
    clock.time += 3;
    log.mark("begin");
    clock.time += 250.5;
    log.mark("first_token");
    clock.time += 0.001;
    expect(log.serverTiming()).toBe("auth;dur=1.23, begin;dur=3, first_token;dur=250.5, total;dur=254.74");
    clock.time += 999.999;
    log.mark("settle");
    log.write();
    expect(JSON.parse(lines[0] ?? "").timesMs).toEqual({
      auth: 1.23,
      begin: 3,
      first_token: 250.5,
      settle: 1000,
      total: 1254.73,
    });
  });

  test("are those of what happened, where a request ended early", () => {
    const { clock, log } = startLog();
    clock.time += 2;
    expect(log.serverTiming()).toBe("total;dur=2");
  });
});

test("what is noted later wins, and all of it stands on one line", () => {
  const { log, lines } = startLog();
  log.note({ model: "openai/gpt-4o-mini", stream: true, cause: "first\nsecond" });
  log.note({ status: 200, stream: false });
  log.write();
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("\n");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    model: "openai/gpt-4o-mini",
    stream: false,
    status: 200,
    cause: "first\nsecond",
  });
});

describe("a cause is told in one line", () => {
  test("down to its origin", () => {
    const origin = new TypeError("connect ECONNREFUSED");
    const error = new Error("Connection error.", { cause: new Error("fetch failed", { cause: origin }) });
    expect(describeCause(error)).toBe(
      "Error: Connection error. ← Error: fetch failed ← TypeError: connect ECONNREFUSED",
    );
  });

  test("whatever was thrown", () => {
    expect(describeCause("a text")).toBe("a text");
    expect(describeCause(null)).toBe("null");
    expect(describeCause(new Error("of a text", { cause: "a text" }))).toBe("Error: of a text ← a text");
  });

  test("even where it goes in circles", () => {
    const error = new Error("again");
    error.cause = error;
    expect(describeCause(error).split(" ← ")).toHaveLength(5);
  });

  test("without keys, however deep they are", () => {
    const cause = new Error("refused", { cause: new Error("key sk-proj-Canary_0123456789 is disabled") });
    expect(describeCause(cause)).toBe("Error: refused ← Error: key [redacted] is disabled");
  });
});
