import { createSecret } from "../domain/secret.ts";
import { createOpenAIProvider } from "./openai.ts";
import type { Credential, Provider } from "./provider.ts";

/** A provider that can be called: its adapter and the platform's key for it. */
export interface ConfiguredProvider {
  provider: Provider;
  credential: Credential;
}

export type ProviderRegistry = ReadonlyMap<string, ConfiguredProvider>;

interface ProviderKind {
  /** The name of its settings: `<prefix>_API_KEY` and `<prefix>_BASE_URL`. */
  prefix: string;
  defaultBaseUrl: string;
  create(options: { baseUrl: string; fetch: typeof fetch }): Provider;
}

/** Every provider there is, by the name that routes use. */
const kinds: Record<string, ProviderKind> = {
  openai: { prefix: "OPENAI", defaultBaseUrl: "https://api.openai.com/v1", create: createOpenAIProvider },
};

/**
 * The providers whose key is set.
 * @param setting reads a setting of the environment by its name
 */
export function createProviderRegistry(
  setting: (name: string) => string | undefined,
  fetch: typeof globalThis.fetch,
): ProviderRegistry {
  const registry = new Map<string, ConfiguredProvider>();
  for (const [name, kind] of Object.entries(kinds)) {
    const key = setting(`${kind.prefix}_API_KEY`);
    if (!key) continue;
    const baseUrl = setting(`${kind.prefix}_BASE_URL`) || kind.defaultBaseUrl;
    registry.set(name, { provider: kind.create({ baseUrl, fetch }), credential: { key: createSecret(key) } });
  }
  return registry;
}
