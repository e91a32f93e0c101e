import { type Credential, type Provider, ProviderError } from "../providers/provider.ts";
import type { ConfiguredProvider, ProviderRegistry } from "../providers/registry.ts";
import { type Feed, FeedError } from "./feed.ts";
import { fetchList } from "./fetch-list.ts";
import { type FeedSource, type SourceName, sourceNames } from "./model-sync.ts";
import { readOpenRouterFeed } from "./openrouter-feed.ts";
import { readProviderFeed } from "./provider-feed.ts";

const timeoutMs = 30_000;

/** Where models are listed: OpenRouter, whose catalogue is public, and the providers that have a key in the environment. */
export function createFeedSources(providers: ProviderRegistry, fetch: typeof globalThis.fetch): FeedSource[] {
  return sourceNames.flatMap((name) => {
    const configured = providers.get(name);
    if (configured === undefined) return [];
    if (name === "openrouter") return [createCatalogue(name, configured, fetch)];
    const { provider, environmentKey } = configured;
    return environmentKey === null ? [] : [createOwnList(name, provider, environmentKey)];
  });
}

function createCatalogue(
  name: SourceName,
  { baseUrl }: ConfiguredProvider,
  fetch: typeof globalThis.fetch,
): FeedSource {
  return {
    name,
    read: async () => readOpenRouterFeed(await fetchList(`${baseUrl}/models`, fetch)),
  };
}

function createOwnList(name: SourceName, provider: Provider, credential: Credential): FeedSource {
  return {
    name,
    async read(): Promise<Feed> {
      const call = { credential, signal: AbortSignal.timeout(timeoutMs) };
      const names = await provider.listModels(call).catch((cause: unknown) => {
        if (!(cause instanceof ProviderError)) throw cause;
        throw new FeedError(
          `The list could not be fetched: ${reasons[cause.failure] ?? "the provider failed"}.`,
          {
            cause,
          },
        );
      });
      return readProviderFeed(names);
    },
  };
}

const reasons: Partial<Record<ProviderError["failure"], string>> = {
  credential: "the provider does not accept the key",
  permission: "the key may not list models",
  rate_limited: "the provider asks for patience",
};
