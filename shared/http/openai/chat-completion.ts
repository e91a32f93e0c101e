import type { OpenAI } from "openai";
import type { AnswerPart, ChatResult } from "../../domain/chat-event.ts";
import type { FinishReason } from "../../domain/chat-message.ts";
import type { AnswerFormat } from "./answer-format.ts";
import { writeBill, writeUsage } from "./bill.ts";
import { createChunkFrame } from "./chunk-frame.ts";

/** The shape of `POST v1/chat/completions`. Reasoning is told as `reasoning_content`, as other services of this shape do. */
export const chatCompletionFormat: AnswerFormat = {
  writeAnswer: (result, created) =>
    ({
      id: toId(result.id),
      object: "chat.completion",
      created,
      model: result.model,
      choices: [
        {
          index: 0,
          message: writeMessage(result),
          logprobs: null,
          finish_reason: toFinishReason(result.finishReason),
        },
      ],
      usage: writeUsage(result.usage),
      sluice: writeBill(result),
    }) satisfies OpenAI.ChatCompletion & Record<string, unknown>,

  createChunks({ id, model }, options) {
    const frame = createChunkFrame({ id: toId(id), object: "chat.completion.chunk", model, ...options });
    const chunk = (delta: string, finishReason: string) =>
      frame.chunk(`{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}`);
    return {
      opening: () => [chunk('{"role":"assistant","content":"","refusal":null}', "null")],
      part: (part) => [chunk(writeDelta(part), "null")],
      closing(result) {
        const { continuation } = result;
        const delta = JSON.stringify(continuation === undefined ? {} : { continuation });
        return frame.closing(chunk(delta, JSON.stringify(toFinishReason(result.finishReason))), result);
      },
    };
  },
};

function writeMessage({ content, reasoning, toolCalls, continuation }: ChatResult) {
  return {
    role: "assistant",
    content: content === "" && toolCalls.length > 0 ? null : content,
    refusal: null,
    ...(toolCalls.length === 0
      ? {}
      : {
          tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
            id,
            type: "function" as const,
            function: { name, arguments: args },
          })),
        }),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(continuation === undefined ? {} : { continuation }),
  } satisfies OpenAI.ChatCompletionMessage & Record<string, unknown>;
}

/** Joined by hand: this runs for every piece of every answer. */
function writeDelta(part: AnswerPart): string {
  if (part.type !== "tool_call") {
    const text = JSON.stringify(part.text);
    return part.type === "chunk" ? `{"content":${text}}` : `{"reasoning_content":${text}}`;
  }
  const { index, id, name, arguments: args } = part;
  const call = {
    index,
    ...(id === undefined ? {} : { id, type: "function" }),
    function: { ...(name === undefined ? {} : { name }), arguments: args },
  };
  return `{"tool_calls":[${JSON.stringify(call)}]}`;
}

function toId(id: string): string {
  return `chatcmpl-${id}`;
}

/** An answer that was interrupted is an error and never comes here. */
function toFinishReason(reason: FinishReason): Exclude<FinishReason, "interrupted"> {
  return reason === "interrupted" ? "stop" : reason;
}
