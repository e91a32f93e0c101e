import type { AnswerPart, ChatResult, ChatStart } from "../../domain/chat-event.ts";

/** What the chunks of one stream have in common. */
export interface ChunkOptions {
  /** Seconds since the epoch. */
  created: number;
  /** Whether a last chunk tells the usage. */
  includeUsage: boolean;
}

/** The chunks of one stream, each as the text of a JSON object. */
export interface ChunkWriter {
  opening(): string[];
  /** Empty for a part that the shape has no place for. */
  part(part: AnswerPart): string[];
  /** What may be sent only when the ledger has the answer: that it is complete, and what it cost. */
  closing(result: ChatResult): string[];
}

/** One of OpenAI's shapes of an answer. */
export interface AnswerFormat {
  /** @param created seconds since the epoch */
  writeAnswer(result: ChatResult, created: number): object;
  createChunks(start: ChatStart, options: ChunkOptions): ChunkWriter;
}
