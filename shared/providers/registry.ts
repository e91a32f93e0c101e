import { createHash } from "node:crypto";
import { parseSafeAddress } from "../domain/safe-address.ts";
import { createSecret } from "../domain/secret.ts";
import { createAnthropicProvider } from "./anthropic.ts";
import { createGoogleProvider } from "./google.ts";
import { createOpenAIProvider } from "./openai.ts";
import * as dialects from "./openai-dialects.ts";
import type { Credential, Provider } from "./provider.ts";

/** A provider that can be called, also with keys that come from elsewhere. */
export interface ConfiguredProvider {
  provider: Provider;
  /** Its address. */
  baseUrl: string;
  /** The platform's key of the environment; null where none is set. */
  environmentKey: Credential | null;
}

export type ProviderRegistry = ReadonlyMap<string, ConfiguredProvider>;

type ReadSetting = (name: string) => string | undefined;

interface ProviderKind {
  /** The vendor's address; `<PREFIX>_BASE_URL` replaces it. */
  baseUrl: string;
  create(options: { baseUrl: string; fetch: typeof fetch }): Provider;
}

const compatible = (baseUrl: string, dialect: dialects.Dialect): ProviderKind => ({
  baseUrl,
  create: (options) => createOpenAIProvider({ ...options, dialect }),
});

/** Every provider there is, by the name that routes use. */
const kinds: Record<string, ProviderKind> = {
  openai: compatible("https://api.openai.com/v1", dialects.openai),
  anthropic: { baseUrl: "https://api.anthropic.com", create: createAnthropicProvider },
  google: { baseUrl: "https://generativelanguage.googleapis.com", create: createGoogleProvider },
  openrouter: compatible("https://openrouter.ai/api/v1", dialects.openrouter),
  glama: compatible("https://gateway.glama.ai/v1", dialects.glama),
  requesty: compatible("https://router.requesty.ai/v1", dialects.requesty),
  groq: compatible("https://api.groq.com/openai/v1", dialects.groq),
  deepseek: compatible("https://api.deepseek.com", dialects.deepseek),
  mistral: compatible("https://api.mistral.ai/v1", dialects.mistral),
  xai: compatible("https://api.x.ai/v1", dialects.xai),
};

/**
 * The providers that are known, and those that the operator adds in `COMPATIBLE_PROVIDERS`.
 * @param setting reads a setting of the environment by its name; an empty one counts as none
 * @throws Error naming the setting that is wrong: a function must not start half configured
 */
export function createProviderRegistry(
  setting: ReadSetting,
  fetch: typeof globalThis.fetch,
): ProviderRegistry {
  const registry = new Map<string, ConfiguredProvider>();
  const add = (name: string, { baseUrl, create }: ProviderKind) =>
    registry.set(name, {
      provider: create({ baseUrl, fetch }),
      baseUrl,
      environmentKey: readKey(name, setting),
    });
  for (const [name, kind] of Object.entries(kinds)) {
    const settingName = `${prefixOf(name)}_BASE_URL`;
    const baseUrl = setting(settingName)?.trim();
    add(name, baseUrl ? { ...kind, baseUrl: checkBaseUrl(baseUrl, settingName) } : kind);
  }
  for (const [name, baseUrl] of readCompatibleProviders(setting)) {
    if (registry.has(name))
      throw new Error(`${compatibleSetting} must not name "${name}": there is one already.`);
    add(name, compatible(baseUrl, dialects.selfHosted));
  }
  return registry;
}

/** The start of the names of a provider's settings. */
function prefixOf(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function readKey(name: string, setting: ReadSetting): Credential | null {
  const settingName = `${prefixOf(name)}_API_KEY`;
  const key = setting(settingName)?.trim();
  if (!key) return null;
  if (!/^[\x21-\x7E]+$/.test(key)) throw new Error(`${settingName} must be one key, without spaces.`);
  // What is noted about a key in the database is about this very key, not the one that takes its place.
  const fingerprint = createHash("sha256").update(key).digest("hex").slice(0, 12);
  return { id: `env:${name}:${fingerprint}`, key: createSecret(key) };
}

const compatibleSetting = "COMPATIBLE_PROVIDERS";

/** `vllm=https://llm.example.com/v1, other=…`: names as routes have them, and addresses of servers that speak OpenAI's format. */
function* readCompatibleProviders(setting: ReadSetting): Generator<[name: string, baseUrl: string]> {
  for (const item of (setting(compatibleSetting) ?? "").split(",")) {
    if (item.trim() === "") continue;
    const [, name, baseUrl] = /^\s*([a-z][a-z0-9-]{0,39})\s*=\s*(\S+)\s*$/.exec(item) ?? [];
    if (name === undefined || baseUrl === undefined)
      throw new Error(
        `${compatibleSetting} must be a list such as vllm=https://llm.example.com/v1, other=https://….`,
      );
    yield [name, checkBaseUrl(baseUrl, compatibleSetting)];
  }
}

/** Addresses that carry a key must be encrypted. */
function checkBaseUrl(text: string, settingName: string): string {
  const url = parseSafeAddress(text);
  if (url === null || url.search)
    throw new Error(
      `${settingName} must hold https addresses (http only within a private network), without user, query or fragment.`,
    );
  return text;
}
