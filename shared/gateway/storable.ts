import type { ToolCall } from "../domain/chat-message.ts";

/** Postgres stores neither NUL nor half characters; a model may write either. The length stays. */
export function toStorable(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}

/** A tool call that Postgres can store: its id and name come from outside, too. */
export function toStorableCall({ id, name, arguments: text }: ToolCall): ToolCall {
  return { id: toStorable(id), name: toStorable(name), arguments: toStorable(text) };
}
