import { expect, test } from "vitest";
import { welchT } from "../../bench/welch.ts";

test("t is that of the worked examples", () => {
  // Reckoned by hand: means 3 and 5, variances 2.5 and 10, five values each.
  expect(welchT([1, 2, 3, 4, 5], [1, 3, 5, 7, 9])).toBeCloseTo(-2 / Math.sqrt(2.5), 12);
  expect(welchT([1, 3, 5, 7, 9], [1, 2, 3, 4, 5])).toBeCloseTo(2 / Math.sqrt(2.5), 12);
  expect(welchT([1, 2, 3], [1, 2, 3])).toBe(0);
});

test("t of two samples that lie a little apart grows with their number", () => {
  const sample = (count: number, shift: number) =>
    Array.from({ length: count }, (_, at) => (at % 10) + shift);
  const few = Math.abs(welchT(sample(100, 0), sample(100, 0.2)));
  const many = Math.abs(welchT(sample(10_000, 0), sample(10_000, 0.2)));
  expect(many / few).toBeCloseTo(10, 0);
});
