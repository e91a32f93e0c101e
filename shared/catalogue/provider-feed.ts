import type { ListedName } from "../providers/provider.ts";
import { type Feed, FeedError } from "./feed.ts";

/**
 * A provider's own list, which has names and at most the context: of models that the catalogue has. No input or output of its own.
 * @throws FeedError for an empty one
 */
export function readProviderFeed(names: ListedName[]): Feed {
  if (names.length === 0) throw new FeedError("The list of models is empty.");
  return {
    listed: names.length,
    models: [],
    routes: names.map(({ id, contextTokens }) => ({
      model_id: null,
      upstream_model: id,
      alias: undated(id),
      context_tokens: contextTokens,
      price: null,
    })),
    quarantined: [],
  };
}

/** What a version with a date is called without it, which OpenAI and Anthropic take as well: `claude-opus-4-1-20250805`, `gpt-4o-2024-08-06`. */
function undated(id: string): string | null {
  const name = id.replace(/-(?:\d{8}|\d{4}-\d{2}-\d{2})$/, "");
  return name === id ? null : name;
}
