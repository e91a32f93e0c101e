import { expect, test } from "vitest";
import { chooseParts } from "../../bench/choose-parts.ts";

const named = (...names: string[]) => chooseParts(names).map(({ name }) => name);

test("every part but the longest runs where none is named, and those that are named alone, in their order", () => {
  expect(named()).toEqual([
    "providers",
    "peer",
    "first-token",
    "chunk-cost",
    "paced",
    "long-answer",
    "models",
    "keys",
    "webhooks",
  ]);
  expect(named("metering")).toEqual(["metering"]);
  expect(named("paced", "peer")).toEqual(["peer", "paced"]);
});

test("a part that does not exist is refused with those that do", () => {
  expect(() => chooseParts(["peers"])).toThrow(/"peers".*providers, peer,/);
});
