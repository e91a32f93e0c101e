/** Tokens of one provider call, in buckets that do not overlap: prompt = input + cacheRead + cacheWrite. */
export interface Usage {
  /** Prompt tokens neither read from nor written to the provider's cache. */
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  /** Part of outputTokens, shown separately. */
  reasoningTokens: number;
}
