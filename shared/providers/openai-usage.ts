import { countOf, isTokenCount, type Usage } from "../domain/usage.ts";

/** What OpenAI and the services that speak its format report, as far as it is read. */
export interface WireUsage {
  prompt_tokens?: unknown;
  completion_tokens?: unknown;
  total_tokens?: unknown;
  prompt_tokens_details?: {
    cached_tokens?: unknown;
    cache_write_tokens?: unknown;
    /** Requesty's name of the former. */
    caching_tokens?: unknown;
  } | null;
  completion_tokens_details?: { reasoning_tokens?: unknown } | null;
  /** DeepSeek's name of the cached tokens. */
  prompt_cache_hit_tokens?: unknown;
}

/**
 * `prompt_tokens` includes what the cache served and stored; our buckets do not overlap. Null where the totals are no counts:
 * the ledger would refuse them, and the charge would be lost instead of estimated.
 */
export function readUsage(usage: WireUsage): Usage | null {
  const { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: details } = usage;
  if (!isTokenCount(prompt) || !isTokenCount(completion)) return null;
  const cacheReadTokens = countOf(details?.cached_tokens ?? usage.prompt_cache_hit_tokens);
  const cacheWriteTokens = countOf(details?.cache_write_tokens ?? details?.caching_tokens);
  const reasoningTokens = countOf(usage.completion_tokens_details?.reasoning_tokens);
  return {
    inputTokens: Math.max(0, prompt - cacheReadTokens - cacheWriteTokens),
    cacheReadTokens,
    cacheWriteTokens,
    // xAI leaves the reasoning out of completion_tokens, though not out of the total, and bills it as output.
    outputTokens:
      countOf(usage.total_tokens) - prompt - completion === reasoningTokens
        ? completion + reasoningTokens
        : Math.max(completion, reasoningTokens),
    reasoningTokens,
  };
}
