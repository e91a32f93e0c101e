import type { Replies, ReplyPart } from "../database/replies.ts";
import type { FinishReason } from "../domain/chat-message.ts";
import type { Answer } from "./answer.ts";
import { toStorable, toStorableCall } from "./storable.ts";

/** Writes a reply down while it grows, for a client that loses its connection. */
export interface ReplyWriter {
  /** The reply has grown. */
  grew(attempt: number, answer: Answer): void;
  /**
   * The rest of the reply, to be written together with the settlement; undefined where nothing was written and nothing needs to be.
   */
  finish(attempt: number, answer: Answer, finishReason: FinishReason): ReplyPart | undefined;
}

interface ReplyWriterOptions {
  requestId: string;
  replies: Pick<Replies, "save">;
  /** Whether the reply stands in a conversation as well, once it is over. */
  isKept: boolean;
  /** Milliseconds. */
  now(): number;
}

/** A reply that is over before is not written down while it grows. */
const intervalMs = 1000;

/**
 * Follows one reply. Writes at most once a second, and never while a write is on its way. A part of which nobody knows whether it was
 * written goes again under its number, with what came since.
 */
export function createReplyWriter({ requestId, replies, isKept, now }: ReplyWriterOptions): ReplyWriter {
  let dueAt = now() + intervalMs;
  let isWriting = false;
  /** What is surely written. */
  let written = { attempt: 0, parts: 0, content: 0, reasoning: 0 };
  let hasWritten = false;

  function take(attempt: number, { content, reasoning, toolCalls }: Answer, isOver: boolean): ReplyPart {
    // The number of a part of the attempt before that may be on its way is left out.
    if (written.attempt !== attempt)
      written = { attempt, parts: written.parts + (hasWritten ? 1 : 0), content: 0, reasoning: 0 };
    const cut = isOver ? (text: string) => text : wholeCharacters;
    return {
      requestId,
      part: written.parts + 1,
      attempt,
      content: toStorable(cut(content).slice(written.content)),
      reasoning: toStorable(cut(reasoning).slice(written.reasoning)),
      toolCalls: toolCalls.map((call) => toStorableCall({ ...call, arguments: cut(call.arguments) })),
    };
  }

  async function write(part: ReplyPart): Promise<void> {
    isWriting = true;
    hasWritten = true;
    try {
      await replies.save(part);
      written = {
        attempt: part.attempt,
        parts: part.part,
        content: written.content + part.content.length,
        reasoning: written.reasoning + part.reasoning.length,
      };
    } catch {
      // The next one takes it along.
    }
    isWriting = false;
    dueAt = now() + intervalMs;
  }

  return {
    grew(attempt, answer) {
      if (!isWriting && now() >= dueAt) void write(take(attempt, answer, false));
    },

    finish(attempt, answer, finishReason) {
      if (isKept && !hasWritten && answer.reasoning === "") return undefined;
      const { continuation } = answer.finish ?? {};
      return {
        ...take(attempt, answer, true),
        finishReason,
        ...(continuation === undefined ? {} : { continuation }),
      };
    },
  };
}

/** A text without the first half of a character at its end: the second half may be on its way. */
function wholeCharacters(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
