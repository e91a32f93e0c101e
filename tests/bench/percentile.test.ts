import { expect, test } from "vitest";
import { median, percentile } from "../../bench/percentile.ts";

test("a percentile is the smallest value that so many of the values do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([0.01, 0.5, 0.99, 1].map((part) => percentile(hundred, part))).toEqual([1, 50, 99, 100]);
  expect(percentile([7], 0.99)).toBe(7);
});

test("the median does not ask for sorted values and leaves their order alone", () => {
  const values = [30, 4, 200];
  expect(median(values)).toBe(30);
  expect(values).toEqual([30, 4, 200]);
});

test("without values there is no percentile", () => {
  expect(percentile([], 0.5)).toBeNaN();
});
