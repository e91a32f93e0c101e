import { describe, expect, test } from "vitest";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { interruptedError, refusedError } from "../../../shared/gateway/provider-failure.ts";
import { ProviderError } from "../../../shared/providers/provider.ts";

const providersWords = "Incorrect key in organization org-canary";

test.each([
  ["invalid_request", "provider_refused", 400],
  ["context_length", "context_length_exceeded", 400],
  ["content_policy", "content_refused", 400],
  ["credential", "provider_failed", 502],
  ["quota", "provider_failed", 502],
  ["rate_limited", "provider_busy", 503],
  ["unavailable", "provider_failed", 502],
  ["interrupted", "provider_failed", 502],
] as const)("before the first event, %s is told as %s, in our words", (failure, code, status) => {
  const thrown = new ProviderError(failure, providersWords);
  const error = refusedError(thrown);
  expect(error).toMatchObject({ code, status, cause: thrown });
  expect(JSON.stringify(error.toBody())).not.toContain("canary");
});

describe("how long to wait", () => {
  const busy = (retryAfterMs?: number) =>
    refusedError(new ProviderError("rate_limited", "slow down", { retryAfterMs })).retryAfterSeconds;

  test("is what the provider says, in whole seconds that are enough", () => {
    expect(busy(2000)).toBe(2);
    expect(busy(2001)).toBe(3);
  });

  test("is a guess of ours where it says nothing", () => {
    expect(busy()).toBe(5);
  });

  test("is not told where waiting does not help", () => {
    const quota = new ProviderError("quota", "budget used up", { retryAfterMs: 1000 });
    expect(refusedError(quota).retryAfterSeconds).toBeUndefined();
  });
});

describe("after the first event", () => {
  test.each([
    ["a failure of the provider", new ProviderError("interrupted", providersWords)],
    ["anything unknown", new TypeError(providersWords)],
  ])("%s is told as provider_interrupted, in our words", (_what, thrown) => {
    const error = interruptedError(thrown);
    expect(error).toMatchObject({ code: "provider_interrupted", status: 502, cause: thrown });
    expect(JSON.stringify(error.toBody())).not.toContain("canary");
  });
});

test("a reason of ours is told as it is, before and after", () => {
  const reason = new SluiceError("deadline_exceeded");
  expect(refusedError(reason)).toBe(reason);
  expect(interruptedError(reason)).toBe(reason);
});

test("anything unknown before the first event is a failure of the provider", () => {
  const thrown = new TypeError(providersWords);
  expect(refusedError(thrown)).toMatchObject({ code: "provider_failed", cause: thrown });
});
