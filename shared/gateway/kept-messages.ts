import { type ChatMessage, textOf } from "../domain/chat-message.ts";
import type { ChatRequest } from "../domain/chat-request.ts";
import type { SettleRequest } from "../metering/metering.ts";
import type { Answer } from "./answer.ts";
import { toStorable, toStorableCall } from "./storable.ts";

/** What a new conversation is named after. */
export function readFirstText({ messages }: ChatRequest): string {
  const first = messages.find(({ role }) => role === "user");
  return first === undefined ? "" : textOf(first).slice(0, 200).toWellFormed();
}

/**
 * What is kept of a chat: the answer too, complete or not, unless it broke off before its first word. Nothing where there is no
 * conversation.
 */
export function toKeptMessages(
  conversationId: string | null,
  { messages }: ChatRequest,
  answer: Pick<Answer, "content" | "toolCalls" | "finish"> | null,
): SettleRequest["messages"] {
  if (conversationId === null) return [];
  if (answer === null || (answer.finish === null && answer.content === "")) return messages;
  const { content, toolCalls, finish } = answer;
  const answered: ChatMessage = {
    role: "assistant",
    content: toStorable(content),
    // Half a tool call is none.
    ...(finish !== null && toolCalls.length > 0 ? { toolCalls: toolCalls.map(toStorableCall) } : {}),
    ...(finish?.continuation === undefined ? {} : { continuation: finish.continuation }),
  };
  return [...messages, { ...answered, finishReason: finish?.reason ?? "interrupted" }];
}
