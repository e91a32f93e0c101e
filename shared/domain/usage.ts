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

/** What a provider told before its answer broke off: the prompt, perhaps without the output, which is then estimated. */
export type PartialUsage = Omit<Usage, "outputTokens"> & { outputTokens: number | null };

/** More than any call can have: beyond it a number is a fault, and its cost would not fit into the ledger. */
const maxTokenCount = 1_000_000_000;

/** Whether what a provider sent is a number of tokens: the ledger would refuse others, and the charge would be lost. */
export function isTokenCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxTokenCount;
}

/** A number of tokens; 0 for what is none. */
export function countOf(value: unknown): number {
  return isTokenCount(value) ? value : 0;
}
