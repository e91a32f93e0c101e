import { type ChatMessage, imagesOf, textOf } from "../domain/chat-message.ts";
import type { ChatOptions, ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { PromptSize } from "../metering/metering.ts";
import { countUtf8Bytes } from "./count-utf8-bytes.ts";

/**
 * Instructions that providers add on their own account when there are tools or a schema: 346 tokens of Anthropic's are the most that
 * is documented (platform.claude.com, "Tool use: pricing").
 */
const instructionTokens = 1024;
/** What a tool takes on the wire beyond what it is declared with here. */
const toolTokens = 64;

/** How large the prompt of a request is, without its history. */
export function measurePrompt({ messages, options }: Pick<ChatRequest, "messages" | "options">): PromptSize {
  const { tools = [], responseFormat } = options;
  const format = responseFormat?.type === "json_schema" ? responseFormat : undefined;
  const declared = [...tools, ...(format ? [format] : [])];
  // Calls of earlier turns have their tools declared by the adapters, where these ask for it.
  const calls = messages.flatMap((message) =>
    message.role === "assistant" ? (message.toolCalls ?? []) : [],
  );
  const isInstructed = declared.length + calls.length > 0 || responseFormat !== undefined;
  return {
    bytes:
      messages.reduce((bytes, message) => bytes + countMessageBytes(message), 0) +
      declared.reduce((bytes, part) => bytes + countUtf8Bytes(JSON.stringify(part)), 0),
    messages: messages.length,
    images: messages.reduce((images, message) => images + imagesOf(message).length, 0),
    overheadTokens: (isInstructed ? instructionTokens : 0) + (declared.length + calls.length) * toolTokens,
  };
}

function countMessageBytes(message: ChatMessage): number {
  const bytes = countUtf8Bytes(textOf(message));
  if (message.role === "tool") return bytes + countUtf8Bytes(message.toolCallId);
  if (message.role !== "assistant") return bytes;
  const calls = message.toolCalls ? countUtf8Bytes(JSON.stringify(message.toolCalls)) : 0;
  return bytes + calls + countUtf8Bytes(message.continuation ?? "");
}

/** What a model must be able to do for these options, in the words of the catalogue. Without it the answer would be another one. */
export function findNeeds({ tools, toolChoice, stop, responseFormat }: ChatOptions): string[] {
  return [
    ...(tools ? ["tools"] : []),
    ...(toolChoice !== undefined && toolChoice !== "auto" ? ["tool_choice"] : []),
    ...(stop ? ["stop"] : []),
    ...(responseFormat?.type === "json_object" ? ["response_format"] : []),
    ...(responseFormat?.type === "json_schema" ? ["structured_outputs"] : []),
  ];
}

/**
 * History and new messages as one conversation that providers take: a call of a tool that never got its result is left out, and so is
 * a result that no call right before it asked for, such as one whose call was cut off with older messages. Messages that stay are the
 * same objects.
 */
export function joinHistory(history: ChatMessage[], messages: ChatMessage[]): ChatMessage[] {
  const joined: ChatMessage[] = [];
  const all = [...history, ...messages];
  for (let index = 0; index < all.length; ) {
    const message = all[index++] as ChatMessage;
    if (message.role === "tool") continue;
    if (message.role !== "assistant" || message.toolCalls === undefined) {
      joined.push(message);
      continue;
    }
    const asked = new Set(message.toolCalls.map(({ id }) => id));
    const answered = new Set<string>();
    const results: ChatMessage[] = [];
    for (let next = all[index]; next?.role === "tool"; next = all[++index]) {
      if (!asked.has(next.toolCallId)) continue;
      answered.add(next.toolCallId);
      results.push(next);
    }
    if (answered.size === asked.size) joined.push(message, ...results);
    else if (message.content !== "") joined.push({ role: "assistant", content: message.content });
  }
  return joined;
}

/**
 * Results of tools that the caller sent must not be left out silently.
 * @throws SluiceError invalid_request, naming the field
 */
export function checkResults(sent: ChatMessage[], history: ChatMessage[], joined: ChatMessage[]): void {
  const lost = sent.findIndex((message) => message.role === "tool" && !joined.includes(message));
  if (lost < 0) return;
  const { toolCallId } = sent[lost] as Extract<ChatMessage, { role: "tool" }>;
  const isAwaited = history.some(
    (message) => message.role === "assistant" && message.toolCalls?.some(({ id }) => id === toolCallId),
  );
  if (isAwaited)
    throw new SluiceError("invalid_request", {
      param: "messages",
      message: "messages: every tool call of the conversation's last answer needs its result.",
    });
  const param = `messages.${lost}.toolCallId`;
  throw new SluiceError("invalid_request", {
    param,
    message: `${param}: the conversation does not wait for this result.`,
  });
}
