import type { ChatResult } from "../../domain/chat-event.ts";
import type { ChunkOptions } from "./answer-format.ts";
import { writeBill, writeUsage } from "./bill.ts";

interface FrameOptions extends ChunkOptions {
  id: string;
  object: "chat.completion.chunk" | "text_completion";
  model: string;
}

/** What is the same in every chunk of a stream, written once. */
export function createChunkFrame({ includeUsage, ...head }: FrameOptions) {
  const start = `${JSON.stringify(head).slice(0, -1)},"choices":[`;
  const end = includeUsage ? `],"usage":null}` : "]}";
  return {
    /** A chunk with one choice, as JSON. */
    chunk: (choice: string) => start + choice + end,

    /** The chunk that finishes the choice, and the one with the usage where it was asked for; the last tells the bill. */
    closing(finish: string, result: ChatResult): string[] {
      const bill = `"sluice":${JSON.stringify(writeBill(result))}}`;
      if (!includeUsage) return [`${finish.slice(0, -1)},${bill}`];
      return [finish, `${start}],"usage":${JSON.stringify(writeUsage(result.usage))},${bill}`];
    },
  };
}
