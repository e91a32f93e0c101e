import { expect, test } from "vitest";
import type { LimitState } from "../../../shared/domain/chat-event.ts";
import { rateLimitHeaderNames, rateLimitHeaders } from "../../../shared/http/rate-limit-headers.ts";

const now = Date.parse("2026-11-20T10:00:00.000Z");

/** A limit of requests of a day, but for what is given. */
const limitOf = (given: Partial<LimitState>): LimitState => ({
  ...{ scope: "all", scopeId: "", unit: "requests", window: "day" },
  ...{ limit: 100, used: 60, held: 0, left: 40, resetsAt: "2026-11-21T00:00:00.000Z" },
  ...given,
});

test("the headers say how many requests and tokens there are, how many are left and when there are more", () => {
  const headers = rateLimitHeaders(
    [limitOf({}), limitOf({ unit: "tokens", limit: 5000, left: 1200, resetsAt: "2026-11-20T10:06:00.000Z" })],
    now,
  );
  expect(headers).toEqual({
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "40",
    "x-ratelimit-reset-requests": "14h0m0s",
    "x-ratelimit-limit-tokens": "5000",
    "x-ratelimit-remaining-tokens": "1200",
    "x-ratelimit-reset-tokens": "6m0s",
  });
  expect(Object.keys(headers)).toEqual(rateLimitHeaderNames);
});

test("of several limits the one with the least left is told, in whichever order they come", () => {
  const minute = limitOf({ window: "minute", limit: 10, left: 3, resetsAt: "2026-11-20T10:00:42.000Z" });
  const ofModel = limitOf({ scope: "model", scopeId: "openai/gpt-4o", limit: 50, left: 7 });
  for (const limits of [
    [limitOf({}), minute, ofModel],
    [minute, ofModel, limitOf({})],
    [ofModel, limitOf({}), minute],
  ])
    expect(rateLimitHeaders(limits, now)).toEqual({
      "x-ratelimit-limit-requests": "10",
      "x-ratelimit-remaining-requests": "3",
      "x-ratelimit-reset-requests": "42s",
    });
});

test("of two that have as little left the one that resets last is told, because the other does not help", () => {
  const minute = limitOf({ window: "minute", limit: 10, left: 0, resetsAt: "2026-11-20T10:00:30.000Z" });
  const whole = limitOf({ window: "minute", limit: 0, left: 0, resetsAt: null });
  const day = limitOf({ limit: 20, left: 0 });
  for (const limits of [
    [minute, whole, day],
    [day, minute, whole],
    [whole, day, minute],
  ])
    expect(rateLimitHeaders(limits, now)).toMatchObject({
      "x-ratelimit-limit-requests": "20",
      "x-ratelimit-reset-requests": "14h0m0s",
    });
});

test("budgets and what runs at once are told by no header, and where there are no limits there is none", () => {
  const others = [
    limitOf({ unit: "nano_usd" }),
    limitOf({ unit: "concurrent", window: "instant", resetsAt: null }),
  ];
  expect(rateLimitHeaders(others, now)).toEqual({});
  expect(rateLimitHeaders([], now)).toEqual({});
});

test.each([
  [null, "0s"],
  ["2026-11-20T09:59:59.000Z", "0s"],
  ["2026-11-20T10:00:00.000Z", "0s"],
  ["2026-11-20T10:00:00.120Z", "120ms"],
  ["2026-11-20T10:00:00.999Z", "999ms"],
  ["2026-11-20T10:00:01.000Z", "1s"],
  ["2026-11-20T10:00:01.001Z", "2s"],
  ["2026-11-20T10:00:59.500Z", "1m0s"],
  ["2026-11-20T10:06:00.000Z", "6m0s"],
  ["2026-11-20T11:00:00.000Z", "1h0m0s"],
  ["2026-11-20T11:02:03.000Z", "1h2m3s"],
  ["2026-12-21T10:00:00.000Z", "744h0m0s"],
])("a limit that resets at %s does so in %s", (resetsAt, duration) => {
  expect(rateLimitHeaders([limitOf({ resetsAt })], now)).toMatchObject({
    "x-ratelimit-reset-requests": duration,
  });
});
