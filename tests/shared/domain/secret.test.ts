import { format, inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createSecret, scrubSecrets } from "../../../shared/domain/secret.ts";

describe("a secret shows itself only when asked to:", () => {
  const value = "sk-proj-Canary_0123456789";
  const secret = createSecret(value);

  test("reveal gives it back, whatever it is", () => {
    expect(secret.reveal()).toBe(value);
    expect(createSecret("").reveal()).toBe("");
  });

  test.each<[how: string, shown: string]>([
    ["String()", String(secret)],
    ["a template", `${secret}`],
    ["a concatenation", `Bearer ${secret}`],
    ["a list's join", [secret, secret].join()],
    ["JSON", JSON.stringify({ key: secret, list: [secret] })],
    ["util.inspect", inspect(secret)],
    [
      "util.inspect of all there is",
      inspect({ key: secret }, { depth: null, showHidden: true, getters: true }),
    ],
    ["a format of the console", format("%s %o %O %j", secret, secret, { secret }, { secret })],
    ["its own fields", JSON.stringify(Object.entries(secret))],
    ["an error that holds it", inspect(new Error("no", { cause: secret }))],
  ])("%s does not", (_how, shown) => {
    expect(shown).not.toContain("Canary");
  });

  test("what is shown instead says so", () => {
    expect(String(secret)).toBe("[redacted]");
    expect(JSON.stringify(secret)).toBe('"[redacted]"');
    expect(inspect(secret)).toBe("[redacted]");
  });

  test("nobody can put another way of showing it in place", () => {
    expect(() => Object.assign(secret, { toJSON: secret.reveal })).toThrow(TypeError);
  });
});

const jwt = ["eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJjYW5hcnkifQ", "MEUCIQDcanary-_0123"].join(".");

describe("a text from outside loses what looks like a key:", () => {
  test.each([
    ["OpenAI's", "sk-proj-Canary_0123456789-abcdef"],
    ["OpenAI's of old", "sk-Canary0123456789abcdef"],
    ["OpenAI's, half masked", "sk-proj-********************************Cana"],
    ["Anthropic's", "sk-ant-api03-Canary_0123456789"],
    ["OpenRouter's", "sk-or-v1-Canary0123456789abcdef"],
    ["Google's", "AIzaSyCanary_0123456789-abcdefghijklmno"],
    ["Groq's", "gsk_Canary0123456789abcdef"],
    ["xAI's", "xai-Canary0123456789abcdef"],
    ["Supabase's secret", "sb_secret_Canary0123456789_abcdef"],
    ["Stripe's", "sk_live_Canary0123456789abcdef"],
    ["Stripe's restricted", "rk_live_Canary0123456789abcdef"],
    ["ours", "slc_live_Canary0123456789abcdef"],
    ["an access token", jwt],
  ])("%s", (_whose, key) => {
    for (const text of [
      key,
      `Incorrect API key provided: ${key}. You can find your API key at https://example.com/keys.`,
      `{"error":{"message":"Invalid key '${key}'"}}`,
      `authorization: Bearer ${key}\nx-api-key=${key}`,
    ]) {
      const scrubbed = scrubSecrets(text);
      expect(scrubbed).not.toMatch(/cana|0123456789/i);
      expect(scrubbed).toContain("[redacted]");
    }
  });

  test("and keeps the words around it", () => {
    expect(scrubSecrets('{"message":"Invalid key \'sk-Canary0123456789\'","code":401}')).toBe(
      '{"message":"Invalid key \'[redacted]\'","code":401}',
    );
  });
});

test.each([
  "Rate limit reached for gpt-4o-mini in organization org-abc on tokens per min (TPM): Limit 200000, Used 199000.",
  "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
  "connect ECONNREFUSED 127.0.0.1:443",
  "The task-scheduler took a risk-free, desk-bound walk-through of disk_usage_report.",
  "",
])("a text without a key stays as it is: %s", (text) => {
  expect(scrubSecrets(text)).toBe(text);
});
