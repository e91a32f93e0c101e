import { describe, expect, test } from "vitest";
import { readStripeSettings } from "../../../shared/billing/stripe-settings.ts";

const given = {
  STRIPE_SECRET_KEY: "sk_test_0123456789",
  STRIPE_WEBHOOK_SECRETS: "whsec_0123456789, whsec_abcdefghij",
  BILLING_RETURN_URLS: "https://app.example/plans,myapp://plans",
};
const read = (settings: Record<string, string>) => readStripeSettings((name) => settings[name]);

test("without a key nothing is sold", () => {
  expect(read({})).toBeNull();
  expect(read({ STRIPE_SECRET_KEY: " ", BILLING_RETURN_URLS: "https://app.example" })).toBeNull();
});

test.each([
  ["sk_test_0123456789", false],
  ["rk_test_0123456789", false],
  ["sk_live_0123456789", true],
  ["rk_live_0123456789", true],
])("the key %s says whether money is real: %s", (key, isLive) => {
  const settings = read({ ...given, STRIPE_SECRET_KEY: key });
  expect(settings).toMatchObject({
    isLive,
    apiUrl: null,
    returnUrls: ["https://app.example/plans", "myapp://plans"],
  });
  expect(settings?.webhookSecrets.map((secret) => secret.reveal())).toEqual([
    "whsec_0123456789",
    "whsec_abcdefghij",
  ]);
  expect(JSON.stringify(settings)).not.toContain("0123456789");
});

describe("a wrong setting is named, without a word of what it holds:", () => {
  test.each([
    ["STRIPE_SECRET_KEY", "pk_test_0123456789"],
    ["STRIPE_SECRET_KEY", "hunter2"],
    ["STRIPE_WEBHOOK_SECRETS", "whsec_0123456789,oops"],
    ["STRIPE_API_URL", "http://api.example.com"],
    ["STRIPE_API_URL", "https://api.example.com/v1"],
    ["BILLING_RETURN_URLS", "plans"],
    ["BILLING_RETURN_URLS", "javascript:alert(1)"],
    ["BILLING_RETURN_URLS", "https://app.example/#plans"],
  ])("%s=%s", (name, value) => {
    const refused = () => read({ ...given, [name]: value });
    expect(refused).toThrow(new RegExp(`^${name} must be [\\S ]+\\.$`));
    expect(refused).not.toThrow(value);
  });
});
