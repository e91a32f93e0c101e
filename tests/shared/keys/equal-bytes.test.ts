import fc from "fast-check";
import { expect, test } from "vitest";
import { equalBytes } from "../../../shared/keys/equal-bytes.ts";

test("the same bytes are equal, wherever they lie", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(equalBytes(bytes, Uint8Array.from([0, ...bytes, 0]).subarray(1, -1))).toBe(true);
    }),
  );
});

test("bytes that differ in one bit, at any place, are not", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => at * 8);
  for (let bit = 0; bit < 256; bit++) {
    const other = bytes.slice();
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(equalBytes(bytes, other)).toBe(false);
  }
});

test("differences do not cancel each other out", () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(2, 1))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 0, 3), Uint8Array.of(0, 1, 3))).toBe(false);
});

test("bytes of another length are not, even where one begins with the other", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  expect(equalBytes(bytes, bytes.subarray(0, 2))).toBe(false);
  expect(equalBytes(bytes.subarray(0, 2), bytes)).toBe(false);
  expect(equalBytes(bytes, new Uint8Array())).toBe(false);
});
