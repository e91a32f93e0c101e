import { describe, expect, test } from "vitest";
import type { CallFailure } from "../../../shared/gateway/call-failure.ts";
import type { Candidate } from "../../../shared/gateway/candidates.ts";
import { createHealth } from "../../../shared/gateway/health.ts";
import { createLiveProvider } from "./live-provider.ts";
import { route } from "./memory-metering.ts";
import { failure } from "./start-candidates.ts";
import { credential } from "./start-gateway.ts";

let nowMs = 0;
const now = () => nowMs;

/** A candidate with a route and a key. */
const candidate = (given: Parameters<typeof route>[0] = {}, keyId = "env:openai"): Candidate => ({
  route: route(given),
  provider: createLiveProvider().provider,
  credential: credential(keyId),
  source: "environment",
  limitations: { dropped: [], refused: null },
});

test("a request in which all goes well has nothing to tell", () => {
  const health = createHealth(now);
  health.reached(candidate());
  expect(health.report()).toBeUndefined();
});

describe("what is told of a failure:", () => {
  test.each<[CallFailure["kind"]]>([["silent"], ["unavailable"], ["interrupted"]])(
    "%s is the route's",
    (kind) => {
      const health = createHealth(now);
      health.failed(candidate({ id: 7 }), failure(kind));
      expect(health.report()).toEqual({ failedRoutes: [7], reachedRoutes: [], keyReports: [] });
    },
  );

  test.each<["credential" | "quota" | "rate_limited", number | undefined, string]>([
    ["credential", undefined, "key:a"],
    ["quota", undefined, "key:a/llama"],
    ["rate_limited", 2500, "key:a/llama"],
  ])("%s is the key's, with how long it asks to wait, and for which models", (kind, waitMs, keyId) => {
    const health = createHealth(now);
    const failing = candidate({ provider: "groq", upstreamModel: "llama" }, "key:a");
    health.failed(failing, failure(kind, waitMs));
    expect(health.report()).toEqual({
      failedRoutes: [],
      reachedRoutes: [],
      keyReports: [{ keyId, provider: "groq", reason: kind, waitMs }],
    });
  });

  test.each<[CallFailure["kind"]]>([
    ["invalid_request"],
    ["content_policy"],
    ["context_length"],
    ["permission"],
    ["final"],
  ])("%s is neither's", (kind) => {
    const health = createHealth(now);
    health.failed(candidate(), failure(kind));
    expect(health.report()).toBeUndefined();
  });

  test("a key that is asked to wait for two models is told of for each", () => {
    const health = createHealth(now);
    for (const upstreamModel of ["gpt-4o", "gpt-5"])
      health.failed(candidate({ upstreamModel }, "key:a"), failure("rate_limited", 2500));
    expect(health.report()?.keyReports.map(({ keyId }) => keyId)).toEqual(["key:a/gpt-4o", "key:a/gpt-5"]);
  });

  test("a wait is what is left of it when the request is over; one that is over then is not told", () => {
    const health = createHealth(now);
    health.failed(candidate({}, "key:a"), failure("rate_limited", 2500));
    health.failed(candidate({}, "key:b"), failure("rate_limited", 60_000));
    health.failed(candidate({}, "key:c"), failure("rate_limited"));
    health.failed(candidate({}, "key:d"), failure("quota", 2500));
    nowMs += 10_000;
    expect(health.report()?.keyReports.map(({ keyId, waitMs }) => [keyId, waitMs])).toEqual([
      ["key:b/gpt-4o-mini", 50_000],
      ["key:c/gpt-4o-mini", undefined],
      ["key:d/gpt-4o-mini", 2500],
    ]);
  });

  test("a route or a key that fails twice is named once, with what it said last", () => {
    const health = createHealth(now);
    for (const waitMs of [100, 200]) {
      health.failed(candidate({ id: 7 }), failure("unavailable"));
      health.failed(candidate({ id: 7 }), failure("rate_limited", waitMs));
    }
    expect(health.report()).toMatchObject({ failedRoutes: [7], keyReports: [{ waitMs: 200 }] });
  });
});

describe("a call that was answered to its end", () => {
  test("is told where its route had an outage, so that all may use it again", () => {
    const health = createHealth(now);
    health.reached(candidate({ id: 7, outage: "failing" }));
    health.reached(candidate({ id: 8, outage: "lasting" }));
    expect(health.report()).toMatchObject({ failedRoutes: [], reachedRoutes: [7, 8] });
  });

  test("takes back that its route had failed before", () => {
    const health = createHealth(now);
    health.failed(candidate({ id: 7 }), failure("unavailable"));
    health.reached(candidate({ id: 7 }));
    expect(health.report()).toBeUndefined();
  });

  test("takes back that its key had to be waited for: others need not wait for what is over", () => {
    const health = createHealth(now);
    health.failed(candidate({}, "key:a"), failure("rate_limited", 2500));
    health.failed(candidate({}, "key:b"), failure("rate_limited", 2500));
    health.reached(candidate({}, "key:a"));
    expect(health.report()?.keyReports.map(({ keyId }) => keyId)).toEqual(["key:b/gpt-4o-mini"]);
  });

  test("does not take back that its key had to be waited for at another model", () => {
    const health = createHealth(now);
    health.failed(candidate({ upstreamModel: "gpt-4o" }, "key:a"), failure("rate_limited", 2500));
    health.reached(candidate({ upstreamModel: "gpt-5" }, "key:a"));
    expect(health.report()?.keyReports.map(({ keyId }) => keyId)).toEqual(["key:a/gpt-4o"]);
  });
});
