import { expect, test } from "vitest";
import { countUtf8Bytes } from "../../../shared/gateway/count-utf8-bytes.ts";

test.each([
  ["", 0],
  ["abc", 3],
  ["Grüße", 7],
  ["世界", 6],
  ["🌍", 4],
])("%j has %i bytes", (value, bytes) => {
  expect(countUtf8Bytes(value)).toBe(bytes);
});
