import type { OpenAI } from "openai";
import type { Bill, ServedBy } from "../../domain/chat-event.ts";
import type { Usage } from "../../domain/usage.ts";

/** Our usage in OpenAI's buckets, where the prompt includes what was read from and written to a cache. */
export function writeUsage(usage: Usage) {
  const promptTokens = countPrompt(usage);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: promptTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  } satisfies OpenAI.CompletionUsage;
}

/** All tokens of a prompt. */
export function countPrompt({ inputTokens, cacheReadTokens, cacheWriteTokens }: Usage): number {
  return inputTokens + cacheReadTokens + cacheWriteTokens;
}

/** The member `sluice` of an answer: what OpenAI's shapes have no place for. */
export function writeBill({ provider, credential, attempts, warnings, ...bill }: ServedBy & Bill) {
  const { costNano, estimated, limits } = bill;
  return { provider, credential, attempts, costNano, estimated, warnings, limits };
}
