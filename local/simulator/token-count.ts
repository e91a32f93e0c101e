export const bytesPerToken = 4;

const promptOverheadTokens = 3;
const messageOverheadTokens = 4;
const imageTokens = 500;

/**
 * Counts the tokens of a text: one for every four UTF-8 bytes begun. Like a byte-level tokenizer it never makes more
 * tokens than the text has bytes.
 */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}

/** What a prompt is made of, as far as it costs tokens. */
export interface PromptCounter {
  /** A message begins; a system prompt is one, too. */
  addMessage(): void;
  addText(text: string): void;
  addImage(): void;
  /** All texts so far, one a line. */
  prompt(): string;
  /** The tokens of everything so far, with the tools as the request declares them; undefined for none. */
  tokens(tools: unknown): number;
}

/** Counts a prompt by the rule in `local/simulator/README.md`. */
export function createPromptCounter(): PromptCounter {
  const texts: string[] = [];
  let bytes = 0;
  let overheadTokens = promptOverheadTokens;
  return {
    addMessage() {
      overheadTokens += messageOverheadTokens;
    },
    addText(text) {
      texts.push(text);
      bytes += Buffer.byteLength(text);
    },
    addImage() {
      overheadTokens += imageTokens;
    },
    prompt: () => texts.join("\n"),
    tokens: (tools) =>
      Math.ceil(bytes / bytesPerToken) +
      overheadTokens +
      (tools === undefined ? 0 : countTokens(JSON.stringify(tools))),
  };
}
