import { expect, test } from "vitest";
import { ownKey, poolKey, route } from "./memory-metering.ts";
import { allowedBaseUrl, drain, failure, nameOf, startCandidates } from "./start-candidates.ts";

const routes = [route(), route({ id: 2, provider: "anthropic", rank: 1, upstreamModel: "other" })];
const providers = { openai: true, anthropic: true };

test("where own keys are used, nobody is called with a key of the platform", async () => {
  const { candidates } = await startCandidates({
    ...{ routes, providers },
    ownKeys: [ownKey("mine")],
    keys: [poolKey("ours"), poolKey("too", "anthropic")],
  });
  expect(drain(candidates)).toEqual(["1 byok:mine"]);
});

test("own keys are tried on every route, in the order in which they are preferred", async () => {
  const { candidates } = await startCandidates({
    ...{ routes, providers },
    ownKeys: [ownKey("first"), ownKey("second"), ownKey("other", "anthropic")],
  });
  expect(drain(candidates)).toEqual(["1 byok:first", "1 byok:second", "2 byok:other"]);
});

test("where no own key can be called that is what is told, and not that nobody serves the model", async () => {
  const cooling = await startCandidates({ ownKeys: [ownKey("a")], coolingKeys: new Map([["byok:a", null]]) });
  expect([cooling.candidates.next(), cooling.candidates.unavailable.code]).toEqual([
    null,
    "own_key_unavailable",
  ]);
  const none = await startCandidates({ providers: { openai: false } });
  expect([none.candidates.next(), none.candidates.unavailable.code]).toEqual([null, "model_unavailable"]);
});

test("an own key that is refused is left out on all routes, and the next own key is tried", async () => {
  const { candidates } = await startCandidates({
    routes: [route(), route({ id: 2, rank: 1 })],
    ownKeys: [ownKey("bad"), ownKey("good")],
  });
  const first = candidates.next()?.candidate;
  expect(first && nameOf(first)).toBe("1 byok:bad");
  if (first) candidates.failed(first, failure("credential"));
  expect(drain(candidates)).toEqual(["1 byok:good", "2 byok:good"]);
});

test("own keys that are to be left alone are, and those that do not open are told of", async () => {
  const { candidates, unopened } = await startCandidates({
    ownKeys: [ownKey("cooling"), { ...ownKey("broken"), sealedKey: "broken" }, ownKey("good")],
    coolingKeys: new Map([["byok:cooling", null]]),
  });
  expect(drain(candidates)).toEqual(["1 byok:good"]);
  expect(unopened).toEqual(["broken"]);
});

test("a key with an address of its own is sent there and nowhere else", async () => {
  const { candidates } = await startCandidates({
    ownKeys: [ownKey("there", "openai", allowedBaseUrl), ownKey("here")],
  });
  const called = [candidates.next()?.candidate];
  if (called[0]) candidates.failed(called[0], failure("permission"));
  called.push(candidates.next()?.candidate);
  expect(called.map((candidate) => candidate && nameOf(candidate))).toEqual(["1 byok:there", "1 byok:here"]);
  expect(called[0]?.provider).not.toBe(called[1]?.provider);
});

test("a key with an address that is not allowed any more is not used at all", async () => {
  const { candidates } = await startCandidates({
    ownKeys: [ownKey("there", "openai", "https://elsewhere.example.com/v1")],
  });
  expect(candidates.next()).toBeNull();
});

test("where the platform's keys may take over, own keys are neither waited for nor asked again", async () => {
  const { candidates } = await startCandidates({
    mayFallBack: true,
    ownKeys: [ownKey("waits"), ownKey("busy")],
    coolingKeys: new Map([["byok:waits", 1000]]),
  });
  const first = candidates.next()?.candidate;
  expect(first && nameOf(first)).toBe("1 byok:busy");
  if (first) candidates.failed(first, failure("unavailable"));
  expect(candidates.next()).toBeNull();
});

test("a route that none of the own keys is for has no say in why the request is refused", async () => {
  const { candidates } = await startCandidates({
    ...{ routes, providers },
    ownKeys: [ownKey("mine")],
    coolingKeys: new Map([["byok:mine", null]]),
    findLimitations: (_provider, upstreamModel) => ({
      dropped: [],
      refused: upstreamModel === "other" ? "seed" : null,
    }),
  });
  expect([candidates.next(), candidates.unavailable.code]).toEqual([null, "own_key_unavailable"]);
});
