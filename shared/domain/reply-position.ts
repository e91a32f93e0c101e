import type { AnswerPart } from "./chat-event.ts";
import type { ToolCall } from "./chat-message.ts";

/** How much of a reply a client has: the id of each event of our stream. Lengths in UTF-16 units. */
export interface ReplyPosition {
  /** The provider call that writes the reply, from 1. */
  attempt: number;
  content: number;
  reasoning: number;
  /** Of the arguments of each tool call that has begun. */
  toolCalls: number[];
}

/** The position before the first part of an attempt's reply. */
export function startOf(attempt: number): ReplyPosition {
  return { attempt, content: 0, reasoning: 0, toolCalls: [] };
}

/** Moves a position behind a part. */
export function advance(position: ReplyPosition, part: AnswerPart): void {
  if (part.type === "tool_call")
    position.toolCalls[part.index] = (position.toolCalls[part.index] ?? 0) + part.arguments.length;
  else position[part.type === "chunk" ? "content" : "reasoning"] += part.text.length;
}

/** The id of an event after which a client stands at this position, e.g. `1.250.0` or with tool calls `1.0.0.17.4`. */
export function formatPosition({ attempt, content, reasoning, toolCalls }: ReplyPosition): string {
  const id = `${attempt}.${content}.${reasoning}`;
  return toolCalls.length === 0 ? id : `${id}.${toolCalls.join(".")}`;
}

/** The position that an event's id stands for; null for what is no id of ours. */
export function parsePosition(id: string): ReplyPosition | null {
  if (!/^[1-9]\d{0,3}(?:\.\d{1,9}){2,130}$/.test(id)) return null;
  const [attempt = 1, content = 0, reasoning = 0, ...toolCalls] = id.split(".").map(Number);
  return { attempt, content, reasoning, toolCalls };
}

/** What of a reply comes after a position of the same attempt. */
export function partsAfter(
  position: ReplyPosition,
  reply: { content: string; reasoning: string; toolCalls: ToolCall[] },
): AnswerPart[] {
  const reasoning = reply.reasoning.slice(position.reasoning);
  const content = reply.content.slice(position.content);
  return [
    ...(reasoning === "" ? [] : [{ type: "reasoning" as const, text: reasoning }]),
    ...(content === "" ? [] : [{ type: "chunk" as const, text: content }]),
    ...reply.toolCalls.flatMap((call, index) => {
      const known = position.toolCalls[index];
      const rest = call.arguments.slice(known ?? 0);
      if (known !== undefined && rest === "") return [];
      const beginning = known === undefined ? { id: call.id, name: call.name } : {};
      return [{ type: "tool_call" as const, index, ...beginning, arguments: rest }];
    }),
  ];
}
