import type { AnswerPart } from "../domain/chat-event.ts";
import { type FinishReason, maxContinuationLength, maxTools, type ToolCall } from "../domain/chat-message.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Usage } from "../domain/usage.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";
import { countUtf8Bytes } from "./count-utf8-bytes.ts";

/** More than any model writes: a provider that does not stop is cut. UTF-16 units. */
const maxAnswerLength = 8 * 1024 * 1024;

/** The answer of one provider call as it grows. */
export interface Answer {
  /**
   * Takes the events of one read. Texts of a kind that follow each other come back in one piece.
   * @throws ProviderError interrupted, where the provider breaks the grammar; SluiceError answer_too_large, where it does not stop
   */
  add(events: ProviderEvent[]): AnswerPart[];
  readonly content: string;
  readonly reasoning: string;
  readonly toolCalls: ToolCall[];
  /** Null until the provider said that it has finished. */
  readonly finish: { reason: FinishReason; usage: Usage | null; continuation?: string } | null;
  /** UTF-8 bytes of content, reasoning and tool calls. */
  countBytes(): number;
}

/** An empty answer. */
export function createAnswer(): Answer {
  const texts = { chunk: "", reasoning: "" };
  const toolCalls: ToolCall[] = [];
  let finish: Answer["finish"] = null;
  let length = 0;

  function addText(parts: AnswerPart[], type: "chunk" | "reasoning", text: string): void {
    const last = parts.at(-1);
    if (last?.type === type) last.text += text;
    else parts.push({ type, text });
    texts[type] += text;
    length += text.length;
  }

  function addToolCall(parts: AnswerPart[], piece: Extract<ProviderEvent, { type: "tool_call" }>): void {
    const { index, id, name } = piece;
    const call = toolCalls[index];
    if (call === undefined) {
      if (index >= maxTools) throw new SluiceError("answer_too_large");
      if (index !== toolCalls.length || id === undefined || name === undefined)
        throw new ProviderError("interrupted", "a tool call without beginning");
      toolCalls.push({ id, name, arguments: piece.arguments });
    } else call.arguments += piece.arguments;
    length += piece.arguments.length;
    const last = parts.at(-1);
    if (call !== undefined && last?.type === "tool_call" && last.index === index)
      last.arguments += piece.arguments;
    else
      parts.push(
        call === undefined ? { ...piece } : { type: "tool_call", index, arguments: piece.arguments },
      );
  }

  return {
    add(events) {
      const parts: AnswerPart[] = [];
      for (const event of events) {
        if (finish !== null) throw new ProviderError("interrupted", "an event after the finish");
        if (event.type === "text") addText(parts, "chunk", event.text);
        else if (event.type === "reasoning") addText(parts, "reasoning", event.text);
        else if (event.type === "tool_call") addToolCall(parts, event);
        else {
          finish = readFinish(event);
        }
      }
      if (length > maxAnswerLength) throw new SluiceError("answer_too_large");
      return parts;
    },
    get content() {
      return texts.chunk;
    },
    get reasoning() {
      return texts.reasoning;
    },
    toolCalls,
    get finish() {
      return finish;
    },
    countBytes: () =>
      toolCalls.reduce(
        (bytes, call) => bytes + countUtf8Bytes(call.name) + countUtf8Bytes(call.arguments),
        countUtf8Bytes(texts.chunk) + countUtf8Bytes(texts.reasoning),
      ),
  };
}

/** A continuation that could not be sent back is of no use. */
function readFinish({
  reason,
  usage,
  continuation,
}: Extract<ProviderEvent, { type: "finish" }>): Answer["finish"] {
  const isUsable = continuation !== undefined && continuation.length <= maxContinuationLength;
  return { reason, usage, ...(isUsable ? { continuation } : {}) };
}
