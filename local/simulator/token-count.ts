const bytesPerToken = 4;

/** Tokens that the simulator adds once to every prompt. */
export const promptOverheadTokens = 3;
/** Tokens that the simulator adds for every message of a prompt. */
export const messageOverheadTokens = 4;

/**
 * Counts the tokens of a text: one for every four UTF-8 bytes begun. Like a byte-level tokenizer it never makes more
 * tokens than the text has bytes, so a prompt costs at most its bytes plus the two overheads above.
 */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}
