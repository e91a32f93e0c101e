import { describe, expect, test } from "vitest";
import { orderRoutes } from "../../../shared/gateway/candidates.ts";
import { rejectionOf } from "../thrown-by.ts";
import { poolKey, route } from "./memory-metering.ts";
import { drain, seededRandom, startCandidates } from "./start-candidates.ts";

const openai = (id: number, rank: number) => route({ id, rank });
const anthropic = (id: number, rank: number) => route({ id, rank, provider: "anthropic" });

describe("routes are tried", () => {
  test.each([
    ["by rank, the lowest first", undefined, [3, 2, 1]],
    ["those of the provider that the caller prefers before the others, each by rank", "anthropic", [2, 1, 3]],
    ["by rank where the caller prefers a provider that does not serve the model", "google", [3, 2, 1]],
  ])("%s", (_how, preferred, expected) => {
    const routes = [anthropic(1, 7), anthropic(2, 5), openai(3, 1)];
    expect(orderRoutes(routes, preferred, () => 0.5).map(({ id }) => id)).toEqual(expected);
  });

  test("last where their outage lasts, even those of the preferred provider: they are better than none", () => {
    const routes = [
      route({ id: 1, provider: "anthropic", outage: "lasting" }),
      route({ id: 2, rank: 1, outage: "lasting" }),
      route({ id: 3, rank: 2 }),
      route({ id: 4, rank: 3 }),
    ];
    expect(orderRoutes(routes, "anthropic", () => 0.5).map(({ id }) => id)).toEqual([3, 4, 1, 2]);
  });

  test("in their place where they failed of late, but not often", () => {
    const routes = [route({ id: 1, outage: "failing" }), route({ id: 2, rank: 1 })];
    expect(orderRoutes(routes, undefined, () => 0.5).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("before the others of their rank where this request is to probe them", () => {
    const routes = [
      route({ id: 1, rank: 1, weight: 1000 }),
      route({ id: 2, rank: 1, outage: "probe" }),
      route({ id: 3 }),
    ];
    expect(orderRoutes(routes, undefined, () => 0.9).map(({ id }) => id)).toEqual([3, 2, 1]);
  });

  test("in the proportion of their weights where they have one rank, the second place too", () => {
    const routes = [1, 2, 7].map((weight) => route({ id: weight, weight }));
    const random = seededRandom(1);
    const draws = 10_000;
    const first = new Map<number, number>();
    const secondAfter7 = new Map<number, number>();
    for (let draw = 0; draw < draws; draw++) {
      const [one, two] = orderRoutes(routes, undefined, random).map(({ id }) => id) as [number, number];
      first.set(one, (first.get(one) ?? 0) + 1);
      if (one === 7) secondAfter7.set(two, (secondAfter7.get(two) ?? 0) + 1);
    }
    // Five standard deviations, at most 250 of 10,000.
    for (const weight of [1, 2, 7])
      expect(Math.abs((first.get(weight) ?? 0) - (draws * weight) / 10)).toBeLessThan(250);
    const after7 = first.get(7) ?? 0;
    expect(Math.abs((secondAfter7.get(2) ?? 0) - (after7 * 2) / 3)).toBeLessThan(250);
  });

  test("whatever the weight, only behind those of a lower rank", () => {
    const routes = [route({ id: 1, rank: 1, weight: 1_000_000 }), route({ id: 2, rank: 0.5, weight: 1 })];
    const random = seededRandom(2);
    for (let draw = 0; draw < 100; draw++)
      expect(orderRoutes(routes, undefined, random).map(({ id }) => id)).toEqual([2, 1]);
  });

  test("not at all where nobody has a key for their provider, or where it is unknown", async () => {
    const { candidates } = await startCandidates({
      routes: [route({ id: 1, provider: "unheard-of" }), anthropic(2, 0), openai(3, 1)],
      providers: { openai: true, anthropic: false },
    });
    expect(drain(candidates)).toEqual(["3 env:openai"]);
  });
});

describe("keys of a provider are tried", () => {
  test("that of the environment first, then those of the pool, all for a route before the next route", async () => {
    const { candidates } = await startCandidates({
      routes: [openai(1, 0), anthropic(2, 1), openai(3, 2)],
      keys: [poolKey("a"), poolKey("b", "anthropic")],
      providers: { openai: true, anthropic: false },
    });
    expect(drain(candidates)).toEqual(["1 env:openai", "1 key:a", "2 key:b", "3 env:openai", "3 key:a"]);
  });

  test("from the pool in an order of chance, so that the load is shared", async () => {
    const random = seededRandom(3);
    const first = new Map<string, number>();
    for (let draw = 0; draw < 600; draw++) {
      const { candidates } = await startCandidates({
        keys: [poolKey("a"), poolKey("b"), poolKey("c")],
        providers: { openai: false },
        random,
      });
      const id = candidates.next()?.candidate.credential.id ?? "";
      first.set(id, (first.get(id) ?? 0) + 1);
    }
    // 200 each, give or take five standard deviations.
    expect([...first.keys()].sort()).toEqual(["key:a", "key:b", "key:c"]);
    for (const count of first.values()) expect(Math.abs(count - 200)).toBeLessThan(58);
  });

  test("not where they cannot be opened: that is told, once, and the others are used", async () => {
    const { candidates, unopened } = await startCandidates({
      routes: [openai(1, 0), openai(2, 1)],
      keys: [poolKey("a", "openai", "broken"), poolKey("b")],
      providers: { openai: false },
    });
    expect(unopened).toEqual(["a"]);
    expect(drain(candidates)).toEqual(["1 key:b", "2 key:b"]);
  });
});

describe("a key that is cooling down", () => {
  const cooling = (waitMs: number | null, now = () => 0) =>
    startCandidates({
      keys: [poolKey("a")],
      coolingKeys: new Map([["env:openai", waitMs]]),
      now,
    });

  test.each([
    [
      "is waited for up to ten seconds, after all who are ready",
      10_000,
      ["1 key:a", "1 env:openai in 10000 ms"],
    ],
    ["is left out where that takes longer", 10_001, ["1 key:a"]],
    ["is left out where somebody has to act first", null, ["1 key:a"]],
  ])("%s", async (_what, waitMs, expected) => {
    expect(drain((await cooling(waitMs)).candidates)).toEqual(expected);
  });

  test("is used in its turn once its time has come", async () => {
    let now = 5_000;
    const { candidates } = await cooling(2_000, () => now);
    now = 6_999;
    expect(candidates.next()?.candidate.credential.id).toBe("key:a");
    now = 7_000;
    expect(candidates.next()).toMatchObject({ candidate: { credential: { id: "env:openai" } }, waitMs: 0 });
  });

  test("for one model alone is used for the others", async () => {
    const { candidates } = await startCandidates({
      routes: [
        route({ id: 1, upstreamModel: "gpt-4o" }),
        route({ id: 2, upstreamModel: "gpt-4o-mini", rank: 1 }),
        route({ id: 3, upstreamModel: "gpt-5", rank: 2 }),
      ],
      coolingKeys: new Map([
        ["env:openai/gpt-4o", null],
        ["env:openai/gpt-5", 700],
      ]),
    });
    expect(drain(candidates)).toEqual(["2 env:openai", "3 env:openai in 700 ms"]);
  });

  test("for all models and for this one is left alone for the longer time", async () => {
    for (const [all, one, expected] of [
      [500, 900, ["1 env:openai in 900 ms"]],
      [900, 500, ["1 env:openai in 900 ms"]],
      [null, 500, []],
      [500, null, []],
    ] as const) {
      const { candidates } = await startCandidates({
        routes: [route({ upstreamModel: "gpt-4o" })],
        coolingKeys: new Map([
          ["env:openai", all],
          ["env:openai/gpt-4o", one],
        ]),
      });
      expect(drain(candidates)).toEqual(expected);
    }
  });

  test("may be one of the pool", async () => {
    const { candidates } = await startCandidates({
      keys: [poolKey("a"), poolKey("b")],
      coolingKeys: new Map([
        ["key:a", null],
        ["key:b", 700],
      ]),
      providers: { openai: false },
    });
    expect(drain(candidates)).toEqual(["1 key:b in 700 ms"]);
  });
});

describe("a field that a route's protocol cannot carry", () => {
  const routes = [
    route({ id: 1, upstreamModel: "blind" }),
    route({ id: 2, upstreamModel: "seeing", rank: 1 }),
    route({ id: 3, upstreamModel: "deaf", rank: 2 }),
  ];
  const refusedBy: Record<string, string> = { blind: "messages", deaf: "options.tools" };
  const findLimitations = (_provider: unknown, upstreamModel: string) => ({
    dropped: [],
    refused: refusedBy[upstreamModel] ?? null,
  });

  test("leaves the route out where another carries it", async () => {
    const { candidates } = await startCandidates({ routes, findLimitations });
    expect(drain(candidates)).toEqual(["2 env:openai"]);
  });

  test("is named where no route carries it: that of the route which would be tried first", async () => {
    const refused = startCandidates({ routes: [routes[0], routes[2]] as never, findLimitations });
    expect((await rejectionOf(refused)).toBody().error).toMatchObject({
      code: "unsupported_parameter",
      param: "messages",
    });
  });

  test("is named with its own remedy, where leaving it out is none", async () => {
    const remedy = "input: at most 100 texts.";
    const refused = startCandidates({
      routes: [routes[0]] as never,
      findLimitations: () => ({ dropped: [], refused: "input", remedy }),
    });
    expect((await rejectionOf(refused)).toBody().error).toMatchObject({ param: "input", message: remedy });
  });

  test("is named where the others have no key", async () => {
    const unknown = route({ id: 4, provider: "unheard-of" });
    const refused = startCandidates({ routes: [routes[2], unknown] as never, findLimitations });
    expect((await rejectionOf(refused)).toBody().error.param).toBe("options.tools");
  });

  test("is nothing to name where nobody has a key at all", async () => {
    const { candidates } = await startCandidates({ providers: { openai: false } });
    expect(candidates.next()).toBeNull();
  });

  test("comes with the candidate where it can be left out", async () => {
    const limitations = { dropped: ["seed" as const], refused: null };
    const { candidates } = await startCandidates({ findLimitations: () => limitations });
    expect(candidates.next()?.candidate.limitations).toEqual(limitations);
  });
});
