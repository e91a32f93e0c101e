import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createSecret } from "../../../shared/domain/secret.ts";
import { type ConfiguredProvider, createProviderRegistry } from "../../../shared/providers/registry.ts";
import { startServer } from "../start-server.ts";
import { providerRequest, readWholeAnswer, testCredential } from "./ask-provider.ts";
import { wireChunks, wireStream } from "./openai-wire.ts";

/** The providers that these settings give in a project. */
const read = (settings: Record<string, string>, fetchThere = fetch, projectSecret = "sb_secret_mine") =>
  createProviderRegistry({
    setting: (name) => settings[name],
    secretKey: createSecret(projectSecret),
    fetch: fetchThere,
  });

function find(name: string, settings: Record<string, string>, fetchThere = fetch): ConfiguredProvider {
  const found = read(settings, fetchThere).get(name);
  if (found === undefined) throw new Error(`${name} is not there`);
  return found;
}

/** Where a provider is called: it refuses, and tells the address. */
async function addressOf(name: string, settings: Record<string, string> = {}): Promise<string> {
  let address = "";
  const refuse: typeof fetch = async (input) => {
    address = String(input);
    return new Response("{}", { status: 503 });
  };
  const { provider } = find(name, settings, refuse);
  await expect(readWholeAnswer(provider.chat(providerRequest()))).rejects.toThrow("503");
  return address;
}

const vendors = {
  openai: "https://api.openai.com/v1/chat/completions",
  anthropic: "https://api.anthropic.com/v1/messages",
  google: "https://generativelanguage.googleapis.com/v1beta/models/gpt-4o-mini:streamGenerateContent?alt=sse",
  openrouter: "https://openrouter.ai/api/v1/chat/completions",
  glama: "https://gateway.glama.ai/v1/chat/completions",
  requesty: "https://router.requesty.ai/v1/chat/completions",
  groq: "https://api.groq.com/openai/v1/chat/completions",
  deepseek: "https://api.deepseek.com/chat/completions",
  mistral: "https://api.mistral.ai/v1/chat/completions",
  xai: "https://api.x.ai/v1/chat/completions",
};

test("every provider is there, also without a key: it may come from elsewhere", () => {
  const registry = read({ OPENAI_API_KEY: "", GROQ_API_KEY: " " });
  expect([...registry.keys()]).toEqual(Object.keys(vendors));
  for (const { environmentKey } of registry.values()) expect(environmentKey).toBeNull();
});

test.each(Object.entries(vendors))("%s is called at its vendor's address", async (name, address) => {
  const setting = `${name.toUpperCase()}_BASE_URL`;
  expect(await addressOf(name)).toBe(address);
  expect(await addressOf(name, { [setting]: "" })).toBe(address);
  const { pathname, search } = new URL(address);
  const path = pathname.slice(pathname.search(/\/(?:chat|v1\/messages|v1beta)/)) + search;
  expect(await addressOf(name, { [setting]: "https://llm.example.com/there/" })).toBe(
    `https://llm.example.com/there${path}`,
  );
});

test("a provider is called with the platform's key, at the address that is set", async () => {
  let seen = {};
  const url = await startServer((request, response) => {
    seen = { url: request.url, authorization: request.headers.authorization };
    request.resume();
    response.end(wireStream(wireChunks({ texts: [{ content: "Because." }] })));
  });
  for (const end of ["", "/"]) {
    const settings = { OPENAI_API_KEY: " sk-test-0123456789\n", OPENAI_BASE_URL: `${url}/v1${end}` };
    const { provider, environmentKey: credential } = find("openai", settings);
    if (credential === null) throw new Error("the key is not there");
    const answer = await readWholeAnswer(provider.chat(providerRequest({ credential })));
    expect(answer).toMatchObject({ text: "Because." });
    expect(seen).toEqual({ url: "/v1/chat/completions", authorization: "Bearer sk-test-0123456789" });
  }
});

describe("the name of a key", () => {
  const idOf = (name: string, settings: Record<string, string>) => find(name, settings).environmentKey?.id;

  test("is of the provider and of this very key, and gives it away to nobody", () => {
    const settings = { OPENAI_API_KEY: "sk-proj-Canary_0123456789" };
    const id = idOf("openai", settings);
    const mac = createHmac("sha256", "sb_secret_mine").update("sk-proj-Canary_0123456789");
    expect(id).toBe(`env:openai:${mac.digest("hex").slice(0, 12)}`);
    // A further secret key, for another service of the app, does not rename it.
    expect(idOf("openai", { ...settings, SUPABASE_SECRET_KEYS: '{"other":"sb_secret_other"}' })).toBe(id);
    expect(idOf("openai", { OPENAI_API_KEY: "sk-proj-Canary_9876543210" })).not.toBe(id);
    // Who has the database and not the project's secret cannot try keys.
    expect(read(settings, fetch, "sb_secret_guessed").get("openai")?.environmentKey?.id).not.toBe(id);
  });

  test("is of a setting that is named for the provider", () => {
    expect(idOf("anthropic", { ANTHROPIC_API_KEY: "sk-ant" })).toMatch(/^env:anthropic:[0-9a-f]{12}$/);
    const settings = { COMPATIBLE_PROVIDERS: "my-llm-2=https://llm.example.com/v1", MY_LLM_2_API_KEY: "k" };
    expect(idOf("my-llm-2", settings)).toMatch(/^env:my-llm-2:[0-9a-f]{12}$/);
  });
});

test("a registry that is logged shows no key", () => {
  const registry = read({ OPENAI_API_KEY: "sk-proj-Canary_0123456789" });
  expect(inspect(registry, { depth: null, showHidden: true })).not.toContain("Canary");
  expect(JSON.stringify([...registry])).not.toContain("Canary");
});

describe("services that speak OpenAI's format are added by configuration alone", () => {
  const COMPATIBLE_PROVIDERS = " vllm=http://127.0.0.1:8000/v1 ,\nmy-llm=https://llm.example.com/openai/ ,";

  test("with a name, an address and a key of their own", async () => {
    const registry = read({ COMPATIBLE_PROVIDERS, VLLM_API_KEY: "vllm-key" });
    expect([...registry.keys()].slice(-2)).toEqual(["vllm", "my-llm"]);
    expect(registry.get("vllm")?.environmentKey?.key.reveal()).toBe("vllm-key");
    expect(registry.get("my-llm")?.environmentKey).toBeNull();
    expect(await addressOf("vllm", { COMPATIBLE_PROVIDERS })).toBe(
      "http://127.0.0.1:8000/v1/chat/completions",
    );
    expect(await addressOf("my-llm", { COMPATIBLE_PROVIDERS })).toBe(
      "https://llm.example.com/openai/chat/completions",
    );
  });

  test("and asked with the older name of the limit, which all of them know", async () => {
    let body = {};
    const remember: typeof fetch = async (_input, init) => {
      body = JSON.parse(String(init?.body));
      return new Response(wireStream(wireChunks({ texts: [] })));
    };
    const { provider } = find("vllm", { COMPATIBLE_PROVIDERS }, remember);
    await readWholeAnswer(
      provider.chat(providerRequest({ credential: testCredential(), maxOutputTokens: 12 })),
    );
    expect(body).toMatchObject({ max_tokens: 12 });
    expect(body).not.toHaveProperty("service_tier");
  });

  test.each([
    ["http in a private network", "llm=http://10.1.2.3/v1"],
    ["http to a container", "llm=http://vllm:8000/v1"],
    ["http to this machine", "llm=http://localhost:8000"],
    ["http to its IPv6 address", "llm=http://[::1]:8000/v1"],
  ])("%s is good enough", (_what, value) => {
    expect(read({ COMPATIBLE_PROVIDERS: value }).has("llm")).toBe(true);
  });
});

describe("a setting that is wrong stops the function and is named, without its value:", () => {
  test.each([
    ["COMPATIBLE_PROVIDERS", "llm"],
    ["COMPATIBLE_PROVIDERS", "https://llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "LLM=https://llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "my_llm=https://llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", `${"a".repeat(41)}=https://llm.example.com/v1`],
    ["COMPATIBLE_PROVIDERS", "llm=llm.example.com"],
    ["COMPATIBLE_PROVIDERS", "llm=ftp://llm.example.com"],
    ["COMPATIBLE_PROVIDERS", "llm=http://llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "llm=http://10.0.0.1.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "llm=https://user:Canary@llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "llm=https://llm.example.com/v1?key=Canary"],
    ["COMPATIBLE_PROVIDERS", "openai=https://llm.example.com/v1"],
    ["COMPATIBLE_PROVIDERS", "llm=https://a.example.com, llm=https://b.example.com"],
    ["OPENAI_BASE_URL", "http://api.openai.com/v1"],
    ["GOOGLE_BASE_URL", "generativelanguage.googleapis.com"],
    ["OPENAI_API_KEY", "sk-Canary-1 sk-Canary-2"],
    ["OPENAI_API_KEY", "sk-Canary-ключ"],
  ])("%s=%s", (name, value) => {
    expect(() => read({ [name]: value })).toThrow(name);
    expect(() => read({ [name]: value })).not.toThrow("Canary");
  });
});
