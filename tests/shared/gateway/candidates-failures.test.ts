import { describe, expect, test } from "vitest";
import type { CallFailure } from "../../../shared/gateway/call-failure.ts";
import type { Candidate } from "../../../shared/gateway/candidates.ts";
import { poolKey, route } from "./memory-metering.ts";
import { drain, failure, startCandidates } from "./start-candidates.ts";

/** Two routes of one provider that has two keys, and one of another: with their windows of context. */
const start = () =>
  startCandidates({
    routes: [
      route({ id: 1, contextTokens: 100 }),
      route({ id: 2, contextTokens: 200, rank: 1 }),
      route({ id: 3, contextTokens: 100, rank: 2, provider: "anthropic" }),
    ],
    keys: [poolKey("a"), poolKey("b", "anthropic")],
    providers: { openai: true, anthropic: false },
  });

const otherRoutes = ["2 env:openai", "2 key:a", "3 key:b"];
const others = ["1 key:a", ...otherRoutes];

describe("after the first call has failed because", () => {
  test.each<[why: string, kind: CallFailure["kind"], left: string[]]>([
    ["the request is not valid, nobody else is asked", "invalid_request", []],
    ["its content is refused, nobody else is asked", "content_policy", []],
    ["of a reason of ours, nobody else is asked", "final", []],
    [
      "it is too long, only a route with a larger context is asked",
      "context_length",
      ["2 env:openai", "2 key:a"],
    ],
    ["its key is wrong, no route is asked with it", "credential", ["1 key:a", "2 key:a", "3 key:b"]],
    ["its key is used up, no route is asked with it", "quota", ["1 key:a", "2 key:a", "3 key:b"]],
    ["its key may not use the model, this route is not asked with it", "permission", others],
    ["the answer broke off, its route is not asked with any key", "interrupted", otherRoutes],
    ["the provider was silent, its route is not asked with any key", "silent", otherRoutes],
    [
      "the key was used too fast, the others are asked, and then it again",
      "rate_limited",
      [...others, "1 env:openai in 500 ms"],
    ],
    [
      "the provider was down, the others are asked, and then it again",
      "unavailable",
      [...others, "1 env:openai in 500 ms"],
    ],
  ])("%s", async (_why, kind, left) => {
    const { candidates } = await start();
    const { candidate } = candidates.next() as { candidate: Candidate };
    candidates.failed(candidate, failure(kind));
    expect(drain(candidates)).toEqual(left);
  });
});

test("who is left out stays out, whatever else is said of it", async () => {
  const { candidates } = await start();
  const { candidate } = candidates.next() as { candidate: Candidate };
  candidates.failed(candidate, failure("permission"));
  candidates.failed(candidate, failure("unavailable"));
  expect(drain(candidates)).toEqual(others);
});

describe("the only candidate", () => {
  /** How long each next try is waited for, until there is none. */
  async function waits(failures: CallFailure[], lot: number): Promise<number[]> {
    let now = 0;
    const { candidates } = await startCandidates({ now: () => now, random: () => lot });
    const waited: number[] = [];
    for (const failed of failures) {
      const { candidate } = candidates.next() as { candidate: Candidate };
      candidates.failed(candidate, failed);
      const next = candidates.next();
      if (next === null) return waited;
      waited.push(next.waitMs);
      now += next.waitMs;
    }
    return waited;
  }
  const down = Array.from({ length: 6 }, () => failure("unavailable"));

  test.each([
    [
      "half a second, twice as long each time, and never more than ten seconds",
      0.5,
      [500, 1000, 2000, 4000, 8000],
    ],
    ["a fifth less by lot", 0, [400, 800, 1600, 3200, 6400]],
    ["or a fifth more", 1, [600, 1200, 2400, 4800, 9600]],
  ])("is given %s", async (_what, lot, expected) => {
    expect((await waits(down, lot)).map(Math.round)).toEqual(expected);
  });

  test("is given as long as it asks for, where that is longer", async () => {
    const busy = [
      failure("rate_limited", 2_000),
      failure("rate_limited", 300),
      failure("unavailable", 9_000),
    ];
    expect(await waits(busy, 0.5)).toEqual([2_000, 1_000, 9_000]);
  });

  test.each([
    [10_000, [10_000]],
    [10_001, []],
  ])("that asks for %i ms of patience is waited for up to ten seconds", async (retryAfterMs, expected) => {
    expect(await waits([failure("rate_limited", retryAfterMs)], 0.5)).toEqual(expected);
  });
});

test("of several who have to be waited for, the soonest comes first", async () => {
  const { candidates } = await startCandidates({
    keys: [poolKey("a")],
    coolingKeys: new Map([
      ["env:openai", 3_000],
      ["key:a", 1_000],
    ]),
  });
  expect(candidates.next()).toMatchObject({ candidate: { credential: { id: "key:a" } }, waitMs: 1_000 });
});

test("before anybody has failed all are asked, in their order", async () => {
  expect(drain((await start()).candidates)).toEqual(["1 env:openai", ...others]);
});
