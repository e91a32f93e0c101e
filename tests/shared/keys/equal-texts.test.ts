import { expect, test } from "vitest";
import { equalTexts } from "../../../shared/keys/equal-texts.ts";

test.each(["", "a", "a secret of the operator's own choice", "🗝️"])("%j equals itself", async (text) => {
  expect(await equalTexts(text, `${text}`)).toBe(true);
});

test.each([
  ["secret", "secreT"],
  ["secret", "secret "],
  ["secret", "secre"],
  ["secret", ""],
  ["", "secret"],
  ["ab", "ba"],
])("%j and %j are not equal", async (a, b) => {
  expect(await equalTexts(a, b)).toBe(false);
});
