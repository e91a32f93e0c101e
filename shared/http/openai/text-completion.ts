import type { OpenAI } from "openai";
import type { FinishReason } from "../../domain/chat-message.ts";
import type { AnswerFormat } from "./answer-format.ts";
import { writeBill, writeUsage } from "./bill.ts";
import { createChunkFrame } from "./chunk-frame.ts";

/** The shape of `POST v1/completions`, which has no place for reasoning. */
export const textCompletionFormat: AnswerFormat = {
  writeAnswer: (result, created) =>
    ({
      id: toId(result.id),
      object: "text_completion",
      created,
      model: result.model,
      choices: [
        {
          index: 0,
          text: result.content,
          logprobs: null,
          finish_reason: toFinishReason(result.finishReason),
        },
      ],
      usage: writeUsage(result.usage),
      sluice: writeBill(result),
    }) satisfies OpenAI.Completion & Record<string, unknown>,

  createChunks({ id, model }, options) {
    const frame = createChunkFrame({ id: toId(id), object: "text_completion", model, ...options });
    const chunk = (text: string, finishReason: string) =>
      frame.chunk(
        `{"index":0,"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":${finishReason}}`,
      );
    return {
      opening: () => [],
      part: (part) => (part.type === "chunk" ? [chunk(part.text, "null")] : []),
      closing: (result) =>
        frame.closing(chunk("", JSON.stringify(toFinishReason(result.finishReason))), result),
    };
  },
};

function toId(id: string): string {
  return `cmpl-${id}`;
}

/** Without tools nothing can be called, and an answer that was interrupted is an error and never comes here. */
function toFinishReason(reason: FinishReason): "stop" | "length" | "content_filter" {
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}
