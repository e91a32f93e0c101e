import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createKeyExaminer } from "../../../shared/credentials/key-examiner.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { randomRoot, ringOf } from "../keys/test-ring.ts";
import { thrownBy } from "../thrown-by.ts";

const envelopes = createEnvelopes(ringOf({ k1: randomRoot() }));
const there = "https://llm.example.com/v1";

/** An examiner, and the requests that its providers and users' servers get. */
function start(answer: () => Response | Promise<Response>, settings: Record<string, string> = {}) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = (async (url, init) => {
    asked.push({ url: String(url), init: init as RequestInit });
    return answer();
  }) as typeof globalThis.fetch;
  const providers = createProviderRegistry({
    setting: (name) => settings[name],
    secretKey: createSecret("sb_secret_mine"),
    fetch,
    publicFetch: fetch,
  });
  const examiner = createKeyExaminer({ providers, envelopes, fingerprint: async () => "0123456789abcdef" });
  return { examiner, asked };
}

const given = (provider: string, key = "sk-abcdefgh", baseUrl: string | null = null) => ({
  provider,
  key,
  baseUrl,
});
const refusal = (status: number) => () => Response.json({ error: { message: "no" } }, { status });

describe("a provider is asked at an address that costs nothing and wants a key", () => {
  test.each([
    ["openai", "https://api.openai.com/v1/models", "authorization", "Bearer sk-abcdefgh"],
    ["openrouter", "https://openrouter.ai/api/v1/key", "authorization", "Bearer sk-abcdefgh"],
    ["anthropic", "https://api.anthropic.com/v1/models?limit=1", "x-api-key", "sk-abcdefgh"],
    [
      "google",
      "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1",
      "x-goog-api-key",
      "sk-abcdefgh",
    ],
    ["groq", "https://api.groq.com/openai/v1/models", "authorization", "Bearer sk-abcdefgh"],
  ])("%s", async (provider, url, header, value) => {
    const { examiner, asked } = start(() => Response.json({ data: [] }));
    expect(await examiner.ask(given(provider))).toBe("valid");
    expect(asked.map((each) => each.url)).toEqual([url]);
    const init = asked[0]?.init as RequestInit;
    expect(new Headers(init.headers).get(header)).toBe(value);
    expect([init.method, init.redirect, init.body]).toEqual(["GET", "error", undefined]);
  });

  test.each(["glama", "requesty"])(
    "but for %s, of which no such address is known: nobody is asked",
    async (provider) => {
      const { examiner, asked } = start(() => Response.json({}));
      expect(await examiner.ask(given(provider))).toBe("unverified");
      expect(asked).toEqual([]);
    },
  );
});

test.each([
  [401, "invalid"],
  [403, "invalid"],
  [429, "unverified"],
  [500, "unverified"],
  [503, "unverified"],
  [302, "unverified"],
])("what a provider answers with %i is %s", async (status, verdict) => {
  const { examiner } = start(refusal(status));
  expect(await examiner.ask(given("openai"))).toBe(verdict);
});

test.each([
  ["cannot be reached", () => Promise.reject(new TypeError("no route"))],
  ["answers with a page", () => new Response("<html>")],
])("a provider that %s has said nothing of the key", async (_what, answer) => {
  const { examiner } = start(answer);
  expect(await examiner.ask(given("anthropic"))).toBe("unverified");
});

test("a provider that does not answer is waited for no longer than 5 s", async () => {
  const patience = new AbortController();
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(patience.signal);
  onTestFinished(() => timeout.mockRestore());
  const { examiner, asked } = start(
    () =>
      new Promise((_, reject) =>
        patience.signal.addEventListener("abort", () => reject(patience.signal.reason)),
      ),
  );
  const asking = examiner.ask(given("openai"));
  await vi.waitUntil(() => asked.length === 1);
  expect(asked[0]?.init.signal).toBe(patience.signal);
  expect(timeout.mock.calls).toEqual([[5_000]]);
  patience.abort();
  expect(await asking).toBe("unverified");
});

test("a server of the user's own may have no list of models: that says nothing of the key, but 401 does", async () => {
  expect(await start(refusal(404)).examiner.ask(given("openai", "sk-abcdefgh", there))).toBe("unverified");
  expect(await start(refusal(401)).examiner.ask(given("openai", "sk-abcdefgh", there))).toBe("invalid");
  const { examiner, asked } = start(() => Response.json({ data: [] }));
  expect(await examiner.ask(given("openai", "sk-abcdefgh", there))).toBe("valid");
  expect(asked.map(({ url }) => url)).toEqual([`${there}/models`]);
});

describe("a key is not shown to the wrong provider", () => {
  test.each([
    ["openai", "sk-ant-api03-x", "anthropic"],
    ["openai", "sk-or-v1-xxxxx", "openrouter"],
    ["anthropic", "AIzaSyXXXXXXXXX", "google"],
    ["google", "gsk_xxxxxxxxxx", "groq"],
    ["groq", "xai-xxxxxxxxxx", "xai"],
  ])("%s does not get %s", async (provider, key, other) => {
    const error = thrownBy(() => start(refusal(401)).examiner.inspect(given(provider, key)));
    expect(error.toBody().error).toMatchObject({
      ...{ code: "invalid_request", param: "key" },
      message: `key: this looks like a key of ${other}: save it there.`,
    });
  });

  test.each([
    ["anthropic", "sk-ant-api03-x", null],
    ["openrouter", "sk-or-v1-xxxxx", null],
    ["openai", "sk-proj-xxxxxxx", null],
    ["openai", "sk-or-v1-xxxxx", there],
  ])("%s gets %s", (provider, key, baseUrl) => {
    expect(() => start(refusal(401)).examiner.inspect(given(provider, key, baseUrl))).not.toThrow();
  });
});

test.each([
  ["a provider that there is not", given("nobody"), "provider"],
  [
    "a server in the place of a provider that nobody else speaks like",
    given("anthropic", "sk-ant-xxxx", there),
    "baseUrl",
  ],
])("%s is refused, and nobody is asked", async (_what, key, param) => {
  const { examiner, asked } = start(() => Response.json({}));
  const error = thrownBy(() => examiner.inspect(key));
  expect(error.toBody().error).toMatchObject({ code: "invalid_request", param });
  expect(asked).toEqual([]);
});

test("without root keys or the key of fingerprints nothing can be stored, and the settings are named", async () => {
  const providers = createProviderRegistry({
    setting: () => undefined,
    secretKey: createSecret("sb_secret_mine"),
    fetch,
  });
  for (const options of [
    { envelopes: null, fingerprint: async () => "" },
    { envelopes, fingerprint: null },
  ]) {
    const examiner = createKeyExaminer({ providers, ...options });
    const error = thrownBy(() => examiner.inspect(given("openai")));
    expect([error.code, error.message]).toEqual([
      "not_configured",
      expect.stringMatching(/BYOK_KEYS and BYOK_FINGERPRINT_KEY/),
    ]);
  }
});

test("what is stored of a key is bound to its owner, provider, row and address, and shows no more than four characters", async () => {
  const { examiner } = start(refusal(401));
  const key = "sk-abcdefghijklmnopqrst";
  const stored = await examiner.seal(given("openai", key, there), "user-1", "row-1");
  expect(stored).toEqual({
    ...{ id: "row-1", provider: "openai", baseUrl: there, lastFour: "qrst", fingerprint: "0123456789abcdef" },
    sealedKey: expect.stringMatching(/^v1\.k1\./),
  });
  const binding = { owner: "user-1", provider: "openai", record: "row-1", baseUrl: there };
  expect((await envelopes.open(stored.sealedKey, binding)).reveal()).toBe(key);
  for (const other of [{ owner: "user-2" }, { provider: "groq" }, { record: "row-2" }, { baseUrl: null }])
    await expect(envelopes.open(stored.sealedKey, { ...binding, ...other })).rejects.toThrow("was changed");
  expect((await examiner.seal(given("openai", "sk-short"), "user-1", "row-1")).lastFour).toBeNull();
});
