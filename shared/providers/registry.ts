import { createHmac } from "node:crypto";
import { parseSafeAddress } from "../domain/safe-address.ts";
import { createSecret, type Secret } from "../domain/secret.ts";
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
  /** What its keys begin with, and those of no other provider; null where that is not known. */
  keyPrefix: string | null;
  /**
   * The same provider as another server speaks it, to which a caller has a key of their own. The address must have been checked.
   * @returns null for a provider that no other server stands in for, and where callers may have no addresses of their own
   */
  at(baseUrl: string): Provider | null;
}

export type ProviderRegistry = ReadonlyMap<string, ConfiguredProvider>;

type ReadSetting = (name: string) => string | undefined;

interface ProviderKind {
  /** The vendor's address; `<PREFIX>_BASE_URL` replaces it. */
  baseUrl: string;
  /** Whether others speak its format. */
  isCompatible: boolean;
  /** What its keys begin with, and those of no other provider; absent where that is not known. */
  keyPrefix?: string;
  create(options: { baseUrl: string; fetch: typeof fetch }): Provider;
}

const compatible = (baseUrl: string, dialect: dialects.Dialect, keyPrefix?: string): ProviderKind => ({
  baseUrl,
  ...(keyPrefix === undefined ? {} : { keyPrefix }),
  isCompatible: true,
  create: (options) => createOpenAIProvider({ ...options, dialect }),
});

/** Every provider there is, by the name that routes use. */
const kinds: Record<string, ProviderKind> = {
  openai: compatible("https://api.openai.com/v1", dialects.openai),
  anthropic: {
    baseUrl: "https://api.anthropic.com",
    isCompatible: false,
    keyPrefix: "sk-ant-",
    create: createAnthropicProvider,
  },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com",
    isCompatible: false,
    keyPrefix: "AIza",
    create: createGoogleProvider,
  },
  openrouter: compatible("https://openrouter.ai/api/v1", dialects.openrouter, "sk-or-"),
  glama: compatible("https://gateway.glama.ai/v1", dialects.glama),
  requesty: compatible("https://router.requesty.ai/v1", dialects.requesty),
  groq: compatible("https://api.groq.com/openai/v1", dialects.groq, "gsk_"),
  deepseek: compatible("https://api.deepseek.com", dialects.deepseek),
  mistral: compatible("https://api.mistral.ai/v1", dialects.mistral),
  xai: compatible("https://api.x.ai/v1", dialects.xai, "xai-"),
};

interface RegistryOptions {
  /** Reads a setting of the environment by its name; an empty one counts as none. */
  setting: ReadSetting;
  /** The project's: what keys of the environment are named with. */
  secretKey: Secret;
  fetch: typeof globalThis.fetch;
  /** Reaches public hosts alone: what callers' own addresses are called with. They may have none where null or absent. */
  publicFetch?: typeof globalThis.fetch | null;
}

/**
 * The providers that are known, and those that the operator adds in `COMPATIBLE_PROVIDERS`.
 * @throws Error naming the setting that is wrong: a function must not start half configured
 */
export function createProviderRegistry(options: RegistryOptions): ProviderRegistry {
  const { setting, secretKey, fetch, publicFetch = null } = options;
  const registry = new Map<string, ConfiguredProvider>();
  const add = (name: string, { baseUrl, isCompatible, keyPrefix, create }: ProviderKind) =>
    registry.set(name, {
      provider: create({ baseUrl, fetch }),
      baseUrl,
      environmentKey: readKey(name, setting, secretKey),
      keyPrefix: keyPrefix ?? null,
      at:
        isCompatible && publicFetch !== null
          ? rememberSome((address) => create({ baseUrl: address, fetch: publicFetch }))
          : () => null,
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

/** More addresses than callers have at one time; beyond it the oldest is made again. */
const maxRemembered = 100;

/** Remembers what was made for a name: adapters keep with them what they have prepared for a key. */
function rememberSome<Made>(make: (name: string) => Made): (name: string) => Made {
  const known = new Map<string, Made>();
  return (name) => {
    const made = known.get(name) ?? make(name);
    const [oldest] = known.keys();
    if (known.size >= maxRemembered && oldest !== undefined && !known.has(name)) known.delete(oldest);
    known.set(name, made);
    return made;
  };
}

/** The start of the names of a provider's settings. */
function prefixOf(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function readKey(name: string, setting: ReadSetting, secretKey: Secret): Credential | null {
  const settingName = `${prefixOf(name)}_API_KEY`;
  const key = setting(settingName)?.trim();
  if (!key) return null;
  if (!/^[\x21-\x7E]+$/.test(key)) throw new Error(`${settingName} must be one key, without spaces.`);
  // What is noted about a key in the database is about this very key, not the one that takes its place. With a secret of the project,
  // because whoever has the database could try keys against a bare digest.
  const fingerprint = createHmac("sha256", secretKey.reveal()).update(key).digest("hex").slice(0, 12);
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
