import type { AnswerPart, ChatEvent } from "../../../shared/domain/chat-event.ts";
import { advance, formatPosition, type ReplyPosition } from "../../../shared/domain/reply-position.ts";

/** The events of parts of a reply, each with the position behind it as its id. Moves `position` on. */
export function toEvents(parts: AnswerPart[], position: ReplyPosition): (ChatEvent & { id: string })[] {
  return parts.map((part) => {
    advance(position, part);
    return { ...toEvent(part), id: formatPosition(position) };
  });
}

function toEvent(part: AnswerPart): ChatEvent {
  if (part.type !== "tool_call") return { type: part.type, data: { text: part.text } };
  const { type, ...data } = part;
  return { type, data };
}
