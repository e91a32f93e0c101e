import { expect, test } from "vitest";
import { countOf, isTokenCount } from "../../../shared/domain/usage.ts";

test.each([[0], [1], [1_000_000_000]])("%d is a number of tokens", (count) => {
  expect(isTokenCount(count)).toBe(true);
  expect(countOf(count)).toBe(count);
});

test.each([
  [-1],
  [0.5],
  [1_000_000_001],
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  ["7"],
  [null],
  [undefined],
  [[7]],
  [7n],
  [true],
])("%s is none, and counts as nothing", (value) => {
  expect(isTokenCount(value)).toBe(false);
  expect(countOf(value)).toBe(0);
});
