import type { Bill, ChatResult, ServedBy } from "../../../../shared/domain/chat-event.ts";

/** Who served, and what it cost: a prompt of 10 tokens, of which 6 met the cache. */
export const served: ServedBy & Bill = {
  model: "maker/model",
  provider: "openai",
  credential: "pool",
  attempts: 2,
  warnings: [{ param: "seed", message: "seed: was left out." }],
  usage: { inputTokens: 4, cacheReadTokens: 5, cacheWriteTokens: 1, outputTokens: 20, reasoningTokens: 8 },
  costNano: 1234,
  estimated: false,
  limits: [],
};

/** What is told of `served` where OpenAI's shape has no place for it. */
export const bill = {
  provider: "openai",
  credential: "pool",
  attempts: 2,
  costNano: 1234,
  estimated: false,
  warnings: served.warnings,
  limits: [],
};

/** The same in OpenAI's buckets. */
export const usage = {
  prompt_tokens: 10,
  completion_tokens: 20,
  total_tokens: 30,
  prompt_tokens_details: { cached_tokens: 5, cache_write_tokens: 1 },
  completion_tokens_details: { reasoning_tokens: 8 },
};

export const result: ChatResult = {
  ...served,
  id: "request-1",
  conversationId: null,
  content: "Grüße,\n“you” 🌊",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
};
