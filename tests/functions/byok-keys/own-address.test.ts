import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { functionEnvironment } from "../../../local/function-environment.ts";
import type { ByokKey } from "../../../shared/credentials/byok-keys.ts";
import { composeByokKeys } from "../../../supabase/functions/byok-keys/compose.ts";
import { signUp } from "../../support/people.ts";
import { makeKeyRing, makeSecretBytes } from "../../support/secrets.ts";
import { makeProviderKey, simulateProviders } from "../../support/simulated-providers.ts";

const baseUrl = "https://llm.example.com/v1";

/** byok-keys in this process, for which one host has these addresses and is the simulator. */
async function start(addresses: string[]) {
  const stack = inject("stack");
  const keySet = await (await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const environment = functionEnvironment(stack, keySet, {
    ...simulateProviders(),
    BYOK_BASE_URLS: "public",
    BYOK_KEYS: makeKeyRing(),
    BYOK_FINGERPRINT_KEY: makeSecretBytes("fingerprint key"),
  });
  const sent: { url: string; redirect: string | undefined }[] = [];
  const app = composeByokKeys({
    setting: (name) => environment[name],
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.hostname !== "llm.example.com") return fetch(input, init);
      sent.push({ url: url.href, redirect: init?.redirect });
      return fetch(`${stack.simulatorUrl}/openai${url.pathname}`, init);
    },
    resolveHost: async () => addresses,
    epochMs: Date.now,
    now: () => performance.now(),
    newId: randomUUID,
    keepAlive() {},
    writeLog() {},
  });

  async function save(key: string) {
    const { token } = await signUp();
    const response = await app.request("/byok-keys/openai", {
      method: "PUT",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ key, baseUrl }),
    });
    return {
      status: response.status,
      body: (await response.json()) as { key: ByokKey; error?: { code: string } },
    };
  }
  return { save, sent };
}

test("a key with an address of its owner's is tried there, and nowhere that it might be redirected to", async () => {
  const { save, sent } = await start(["93.184.216.34"]);
  const { status, body } = await save(makeProviderKey());
  expect([status, body.key.baseUrl, body.key.status]).toEqual([201, baseUrl, "valid"]);
  expect(sent).toEqual([{ url: `${baseUrl}/models`, redirect: "error" }]);
  const refused = await save("sk-invalid-0123456789");
  expect([refused.status, refused.body.error?.code]).toEqual([422, "key_refused"]);
});

test.each([
  ["nowhere", []],
  ["to a private address", ["192.168.1.1"]],
  ["to the metadata of a cloud", ["169.254.169.254"]],
  ["to a public and a private address", ["93.184.216.34", "::1"]],
])(
  "a name that leads %s is not called: nobody knows of the key, which is saved unverified",
  async (_where, addresses) => {
    const { save, sent } = await start(addresses);
    const { status, body } = await save(makeProviderKey());
    expect([status, body.key.status, sent]).toEqual([201, "unverified", []]);
  },
);
