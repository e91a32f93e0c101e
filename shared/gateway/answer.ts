import type { FinishReason } from "../domain/chat-message.ts";
import type { Usage } from "../domain/usage.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";

/** More than any model writes: a provider that does not stop is cut. UTF-16 units. */
const maxAnswerLength = 8 * 1024 * 1024;

/** What a client is shown of one read: texts of a kind that follow each other in one piece. */
export interface AnswerPart {
  type: "chunk" | "reasoning";
  text: string;
}

/** The answer of one provider call as it grows. */
export interface Answer {
  /**
   * Takes the events of one read.
   * @throws ProviderError interrupted, where the provider breaks the grammar or does not stop
   */
  add(events: ProviderEvent[]): AnswerPart[];
  readonly content: string;
  readonly reasoning: string;
  /** Null until the provider said that it has finished. */
  readonly finish: { reason: FinishReason; usage: Usage | null } | null;
  /** UTF-8 bytes of content and reasoning. */
  countBytes(): number;
}

/** An empty answer. */
export function createAnswer(): Answer {
  const texts = { chunk: "", reasoning: "" };
  let finish: Answer["finish"] = null;
  return {
    add(events) {
      const parts: AnswerPart[] = [];
      for (const event of events) {
        if (finish !== null) throw new ProviderError("interrupted", "an event after the finish");
        if (event.type === "finish") {
          finish = { reason: event.reason, usage: event.usage };
          continue;
        }
        const type = event.type === "text" ? "chunk" : "reasoning";
        const last = parts.at(-1);
        if (last?.type === type) last.text += event.text;
        else parts.push({ type, text: event.text });
        texts[type] += event.text;
      }
      if (texts.chunk.length + texts.reasoning.length > maxAnswerLength) {
        throw new ProviderError("interrupted", "the answer exceeds 8 MiB");
      }
      return parts;
    },
    get content() {
      return texts.chunk;
    },
    get reasoning() {
      return texts.reasoning;
    },
    get finish() {
      return finish;
    },
    countBytes: () => countUtf8Bytes(texts.chunk) + countUtf8Bytes(texts.reasoning),
  };
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function countUtf8Bytes(text: string): number {
  return encoder.encode(text).length;
}
