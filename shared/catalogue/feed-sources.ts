import type { ProviderRegistry } from "../providers/registry.ts";
import { fetchList } from "./fetch-list.ts";
import type { FeedSource } from "./model-sync.ts";
import { readOpenRouterFeed } from "./openrouter-feed.ts";

/** Where models are listed: OpenRouter, whose list is public and has prices. */
export function createFeedSources(providers: ProviderRegistry, fetch: typeof globalThis.fetch): FeedSource[] {
  const { baseUrl } = providers.get("openrouter") ?? {};
  return [
    { name: "openrouter", read: async () => readOpenRouterFeed(await fetchList(`${baseUrl}/models`, fetch)) },
  ];
}
