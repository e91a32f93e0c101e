import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { privateHosts } from "../../shared/providers/user-addresses.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { createByokClient } from "../../support/own-keys.ts";
import { type Person, signUp } from "../../support/people.ts";
import { makeKeyRing, makeSecretBytes } from "../../support/secrets.ts";
import { makeProviderKey } from "../../support/simulated-providers.ts";

const sql = connectDatabase();
const { request } = createByokClient();
let person: Person;
beforeAll(async () => {
  person = await signUp();
});

const countRows = async () => {
  const [{ count } = {}] =
    await sql`select count(*)::integer from private.byok_keys where user_id = ${person.userId}`;
  return count;
};

const badKey = "key: must be 8 to 1000 letters, digits and signs of ASCII, without blanks.";

test.each<[what: string, body: unknown, message: string]>([
  ["no key", {}, "key: is missing."],
  ["an empty key", { key: "" }, badKey],
  ["blanks for a key", { key: "        " }, badKey],
  ["a key of seven characters", { key: "sk-1234" }, badKey],
  ["a key of 10 kB", { key: "s".repeat(10_240) }, badKey],
  ["a control character in a key", { key: "sk-12345678\u0007" }, badKey],
  ["a line break in a key", { key: "sk-1234\n5678" }, badKey],
  ["a NUL in a key", { key: "sk-12345678\u0000" }, badKey],
  ["a letter beyond ASCII in a key", { key: "sk-12345678é" }, badKey],
  ["half of a surrogate pair in a key", { key: "sk-12345678\ud800" }, badKey],
  ["a number for a key", { key: 12345678 }, "key: must be a text."],
  ["a list for a key", { key: ["sk-12345678"] }, "key: must be a text."],
  ["an empty name", { key: "sk-12345678", name: " " }, "name: is empty."],
  [
    "a name of 41 characters",
    { key: "sk-12345678", name: "n".repeat(41) },
    "name: must have at most 40 characters.",
  ],
  [
    "a NUL in a name",
    { key: "sk-12345678", name: "a\u0000" },
    expect.stringMatching(/^name: /) as unknown as string,
  ],
  [
    "a field that there is not",
    { key: "sk-12345678", userId: "x" },
    "userId: is not a known field: remove it.",
  ],
  ["an owner", { key: "sk-12345678", user_id: "x" }, "user_id: is not a known field: remove it."],
  ["a status", { key: "sk-12345678", status: "valid" }, "status: is not a known field: remove it."],
  ["a text", "sk-12345678", "body: must be an object."],
])("%s is refused with what is wrong, and nothing is saved", async (_what, body, message) => {
  const answer = await request(person, "PUT", "/openai", body);
  expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_request"]);
  expect(answer.body.error.message).toEqual(message);
  expect(await countRows()).toBe(0);
});

test.each([
  ["nobody", "sk-12345678"],
  ["OpenAI", "sk-12345678"],
  ["open%00ai", "sk-12345678"],
  ["..%2Fopenai", "sk-12345678"],
  ["__proto__", "sk-12345678"],
  ["constructor", "sk-12345678"],
])("there is no provider %s", async (provider, key) => {
  const { status, body } = await request(person, "PUT", `/${provider}`, { key });
  expect([status, body.error.code, body.error.param]).toEqual([400, "invalid_request", "provider"]);
  expect(await countRows()).toBe(0);
});

test("a key of another provider is not even shown to this one", async () => {
  const { status, body } = await request(person, "PUT", "/openai", { key: "sk-ant-api03-0123456789" });
  expect([status, body.error.message]).toEqual([
    400,
    "key: this looks like a key of anthropic: save it there.",
  ]);
  expect(await countRows()).toBe(0);
});

test("an address of one's own is refused where the operator does not allow it", async () => {
  const { status, body } = await request(person, "PUT", "/openai", {
    key: "sk-12345678",
    baseUrl: "https://llm.example.com/v1",
  });
  expect([status, body.error.param]).toEqual([400, "baseUrl"]);
  expect(await countRows()).toBe(0);
});

const ring = makeKeyRing();

describe("where callers may have addresses of their own", () => {
  let instance: ExtraFunction;
  let client: ReturnType<typeof createByokClient>;
  beforeAll(async () => {
    instance = await startExtraFunction(
      {
        BYOK_BASE_URLS: "public",
        BYOK_KEYS: ring,
        BYOK_FINGERPRINT_KEY: makeSecretBytes("fingerprint key"),
      },
      "byok-keys",
    );
    client = createByokClient(instance.url);
  });
  afterAll(() => instance.stop());

  test("each of more than 60 addresses that lead elsewhere than to a public https host is refused, and nothing is saved", async () => {
    const addresses = Object.values(privateHosts).flatMap((hosts) =>
      hosts.map((host) => `https://${host}/v1`),
    );
    for (const scheme of ["http", "ftp", "file", "data", "javascript"])
      addresses.push(`${scheme}://llm.example.com/v1`);
    addresses.push(
      "https://user:password@llm.example.com/v1",
      "https://llm.example.com/v1#a",
      "https://llm.example.com/v1?a=b",
    );
    expect(new Set(addresses).size).toBeGreaterThan(150);
    for (const address of addresses) {
      const { status, body } = await client.request(person, "PUT", "/openai", {
        key: makeProviderKey(),
        baseUrl: address,
      });
      expect([address, status, body.error.code, body.error.param]).toEqual([
        address,
        400,
        "invalid_request",
        "baseUrl",
      ]);
    }
    expect(await countRows()).toBe(0);
  });

  test("providers that nobody else speaks like have no other addresses", async () => {
    const { status, body } = await client.request(person, "PUT", "/anthropic", {
      key: makeProviderKey(),
      baseUrl: "https://llm.example.com",
    });
    expect([status, body.error.param]).toEqual([400, "baseUrl"]);
  });
});

describe("a function whose settings are wrong", () => {
  test.each([
    [{ BYOK_KEYS: "{" }, "BYOK_KEYS is not JSON."],
    [
      { BYOK_KEYS: '{"active":"k1","keys":{"k1":"c2hvcnQ="}}' },
      "BYOK_KEYS has a key of 5 bytes, not 32: k1.",
    ],
    [
      { BYOK_KEYS: ring, BYOK_FINGERPRINT_KEY: "short" },
      "BYOK_FINGERPRINT_KEY must be 32 random bytes as canonical base64.",
    ],
    [{ DEPLOYMENT_MODE: "cloud" }, "DEPLOYMENT_MODE must be hosted or self-hosted."],
  ])("does not start with %j, and says why without showing it", async (settings, message) => {
    const starting = startExtraFunction(settings as Record<string, string>, "byok-keys");
    await expect(starting).rejects.toThrow(message);
  });

  test("answers that nothing can be stored here where root keys are missing, and names them", async () => {
    const bare = await startExtraFunction({}, "byok-keys");
    try {
      const { status, body } = await createByokClient(bare.url).request(person, "PUT", "/openai", {
        key: "sk-12345678",
      });
      expect([status, body.error.code]).toEqual([503, "not_configured"]);
      expect(body.error.message).toContain("BYOK_KEYS and BYOK_FINGERPRINT_KEY");
    } finally {
      await bare.stop();
    }
  });
});
