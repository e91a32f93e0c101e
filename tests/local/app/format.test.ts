import { expect, test } from "vitest";
import { formatAmount, formatLimit, formatNano, nameLimit } from "../../../local/app/page/format.js";

test.each([
  [2000, "usd", "$20.00"],
  [-2050, "eur", "-€20.50"],
  [1200, "jpy", "¥1,200"],
  [1234500, "isk", "ISK 12,345.00"],
  [12345, "kwd", "KWD 12.345"],
])("%d of the smallest unit of %s are %s", (amount, currency, text) => {
  expect(formatAmount(amount, currency).replace(/\s/, " ")).toBe(text);
});

test("a price leaves out what is nothing", () => {
  expect(formatAmount(2000, "usd", { round: true })).toBe("$20");
  expect(formatAmount(2050, "usd", { round: true })).toBe("$20.50");
});

test.each([
  [0, "$0.00"],
  [500_000_000_000, "$500.00"],
  [1_999_999_999, "$1.99"],
  [120_000, "$0.00012"],
  [9_007_199_254_740_991, "$9,007,199.25"],
])("%d nano-USD are %s, and never more than there are", (nano, text) => {
  expect(formatNano(nano)).toBe(text);
});

test("a limit says what it is of and how much it allows", () => {
  const everywhere = { scope: "all", scopeId: null };
  expect(nameLimit({ ...everywhere, unit: "requests", window: "day" })).toBe("Requests a day");
  expect(nameLimit({ ...everywhere, unit: "concurrent", window: "instant" })).toBe("Requests at once");
  expect(nameLimit({ scope: "model", scopeId: "openai/gpt", unit: "tokens", window: "month" })).toBe(
    "Tokens a month (openai/gpt)",
  );
  expect(formatLimit(2000, "requests")).toBe("2,000");
  expect(formatLimit(100_000_000, "nano_usd")).toBe("$0.10");
  expect(formatLimit(null, "tokens")).toBe("Unlimited");
});
