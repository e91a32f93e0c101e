import { inspect } from "node:util";
import { expect, test } from "vitest";
import { type ConfiguredProvider, createProviderRegistry } from "../../../shared/providers/registry.ts";
import { startServer } from "../start-server.ts";
import { providerRequest, readWholeAnswer } from "./ask-provider.ts";
import { wireChunks, wireStream } from "./openai-wire.ts";

/** The providers that these settings give. */
const read = (settings: Record<string, string>, fetchThere = fetch) =>
  createProviderRegistry((name) => settings[name], fetchThere);

function openai(settings: Record<string, string>, fetchThere = fetch): ConfiguredProvider {
  const found = read(settings, fetchThere).get("openai");
  if (found === undefined) throw new Error("openai is not configured");
  return found;
}

test("a provider is there if its key is", () => {
  expect([...read({ OPENAI_API_KEY: "sk-test" }).keys()]).toEqual(["openai"]);
  expect([...read({ OPENAI_API_KEY: "" }).keys()]).toEqual([]);
  expect([...read({ OPENAI_BASE_URL: "https://api.example.com/v1" }).keys()]).toEqual([]);
});

test("a provider is called with the platform's key, at the address that is set", async () => {
  let seen = {};
  const url = await startServer((request, response) => {
    seen = { url: request.url, authorization: request.headers.authorization };
    request.resume();
    response.end(wireStream(wireChunks({ texts: [{ content: "Because." }] })));
  });
  const { provider, credential } = openai({
    OPENAI_API_KEY: "sk-test-0123456789",
    OPENAI_BASE_URL: `${url}/v1`,
  });
  expect(await readWholeAnswer(provider.chat(providerRequest({ credential })))).toMatchObject({
    text: "Because.",
  });
  expect(seen).toEqual({ url: "/v1/chat/completions", authorization: "Bearer sk-test-0123456789" });
});

test("a provider without an address is called at its vendor's", async () => {
  const asked: string[] = [];
  const refuse: typeof fetch = async (input) => {
    asked.push(String(input));
    return new Response("{}", { status: 503 });
  };
  for (const settings of [{}, { OPENAI_BASE_URL: "" }] as Record<string, string>[]) {
    const { provider } = openai({ OPENAI_API_KEY: "sk-test", ...settings }, refuse);
    await expect(readWholeAnswer(provider.chat(providerRequest()))).rejects.toThrow("503");
  }
  expect(asked).toEqual(Array.from({ length: 2 }, () => "https://api.openai.com/v1/chat/completions"));
});

test("a registry that is logged shows no key", () => {
  const registry = read({ OPENAI_API_KEY: "sk-proj-Canary_0123456789" });
  expect(inspect(registry, { depth: null, showHidden: true })).not.toContain("Canary");
  expect(JSON.stringify([...registry])).not.toContain("Canary");
});
