import { describe, expect, test } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { billed, readFailure } from "../../../shared/gateway/call-failure.ts";
import { ProviderError, type ProviderFailure } from "../../../shared/providers/provider.ts";

const providersWords = "Incorrect key in organization org-canary";

test.each([
  ["invalid_request", "provider_refused", 400],
  ["context_length", "context_length_exceeded", 400],
  ["content_policy", "content_refused", 400],
  ["credential", "provider_failed", 502],
  ["permission", "provider_failed", 502],
  ["quota", "provider_failed", 502],
  ["rate_limited", "provider_busy", 503],
  ["unavailable", "provider_failed", 502],
  ["interrupted", "provider_failed", 502],
] as const)("before the first event, %s is told as %s, in our words", (failure, code, status) => {
  const thrown = new ProviderError(failure, providersWords);
  const { kind, error } = readFailure(thrown, false, false);
  expect(kind).toBe(failure);
  expect(error).toMatchObject({ code, status, cause: thrown });
  expect(JSON.stringify(error.toBody())).not.toContain("canary");
});

describe("how long to wait", () => {
  const busy = (retryAfterMs?: number) =>
    readFailure(new ProviderError("rate_limited", "slow down", { retryAfterMs }), false, false);

  test("is told as the provider says, in whole seconds that are enough", () => {
    expect(busy(2000).error.retryAfterSeconds).toBe(2);
    expect(busy(2001).error.retryAfterSeconds).toBe(3);
  });

  test("is told as a guess of ours where it says nothing", () => {
    expect(busy().error.retryAfterSeconds).toBe(5);
  });

  test("is not told where waiting does not help", () => {
    const quota = new ProviderError("quota", "budget used up", { retryAfterMs: 1000 });
    expect(readFailure(quota, false, false).error.retryAfterSeconds).toBeUndefined();
  });

  test("is kept for the next try, to the millisecond, whatever is told", () => {
    expect(busy(2001).retryAfterMs).toBe(2001);
    expect(busy().retryAfterMs).toBeUndefined();
    const unavailable = new ProviderError("unavailable", "down", { retryAfterMs: 700 });
    expect(readFailure(unavailable, true, false).retryAfterMs).toBe(700);
  });
});

describe("after the first event", () => {
  test.each([
    ["a failure of the provider", new ProviderError("interrupted", providersWords), "interrupted"],
    ["a refusal in the middle", new ProviderError("content_policy", providersWords), "content_policy"],
    ["anything unknown", new TypeError(providersWords), "unavailable"],
  ] as const)(
    "%s is told as provider_interrupted, in our words, and is of its own kind",
    (_what, thrown, kind) => {
      const failure = readFailure(thrown, true, false);
      expect(failure.kind).toBe(kind);
      expect(failure.error).toMatchObject({ code: "provider_interrupted", status: 502, cause: thrown });
      expect(JSON.stringify(failure.error.toBody())).not.toContain("canary");
    },
  );

  test("nobody is told to wait: what was written is charged", () => {
    const busy = new ProviderError("rate_limited", "slow down", { retryAfterMs: 2000 });
    expect(readFailure(busy, true, false).error.retryAfterSeconds).toBeUndefined();
  });
});

test.each<[failure: ProviderFailure, kind: string, code: string]>([
  ["unavailable", "interrupted", "provider_interrupted"],
  ["rate_limited", "interrupted", "provider_interrupted"],
  ["interrupted", "interrupted", "provider_failed"],
  ["credential", "credential", "provider_failed"],
  ["content_policy", "content_policy", "content_refused"],
])(
  "a call that failed as %s and cost money is %s: it is not made again in the same place",
  (failure, kind, code) => {
    const thrown = new ProviderError(failure, providersWords, { retryAfterMs: 2000 });
    const paid = billed(readFailure(thrown, false, false));
    expect(paid).toMatchObject({ kind, error: { code, cause: thrown } });
    if (code === "provider_interrupted") expect(paid.error.retryAfterSeconds).toBeUndefined();
  },
);

test.each([
  ["shutting_down", "final"],
  ["deadline_exceeded", "final"],
  ["provider_timeout", "silent"],
  ["provider_interrupted", "silent"],
] as const)("a reason of ours, %s, is told as it is, before and after: %s", (code, kind) => {
  const reason = new SluiceError(code);
  for (const hasBegun of [false, true])
    expect(readFailure(reason, hasBegun, false)).toEqual({ kind, error: reason, retryAfterMs: undefined });
});

test("anything unknown before the first event is a failure of the provider, which may pass", () => {
  const thrown = new TypeError(providersWords);
  const { kind, error } = readFailure(thrown, false, false);
  expect(kind).toBe("unavailable");
  expect(error).toMatchObject({ code: "provider_failed", cause: thrown });
});
