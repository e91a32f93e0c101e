import type { Anthropic } from "@anthropic-ai/sdk";
import type { ChatMessage } from "../domain/chat-message.ts";
import { restoreTurn, textBlocks } from "./anthropic-continuation.ts";
import { parseJson } from "./untrusted.ts";

type Block = Anthropic.ContentBlockParam;

/** A chat as Anthropic takes it: what the system says apart, and turns of the user and the assistant that alternate. */
export interface Conversation {
  system: Anthropic.TextBlockParam[];
  messages: { role: "user" | "assistant"; content: Block[] }[];
}

/**
 * Puts a chat into Anthropic's shape. Messages of one side in a row become one, with the results of tools in front, where Anthropic wants
 * them; what the system says moves ahead of all turns, in its order.
 */
export function buildConversation(chat: ChatMessage[]): Conversation {
  const system: Conversation["system"] = [];
  const messages: Conversation["messages"] = [];
  for (const message of chat) {
    if (message.role === "system") {
      system.push(...textBlocks(message.content));
      continue;
    }
    const role = message.role === "assistant" ? "assistant" : "user";
    const blocks = blocksOf(message);
    if (blocks.length === 0) continue;
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else messages.push({ role, content: blocks });
  }
  for (const { content } of messages)
    content.sort((a, b) => Number(b.type === "tool_result") - Number(a.type === "tool_result"));
  // Anthropic wants the user to begin. An assistant that speaks first greets: a greeting before it changes nothing.
  if (messages[0]?.role === "assistant")
    messages.unshift({ role: "user", content: [{ type: "text", text: "Hello." }] });
  return { system, messages };
}

function blocksOf(message: Exclude<ChatMessage, { role: "system" }>): Block[] {
  if (message.role === "tool") {
    const { toolCallId, content } = message;
    return [
      { type: "tool_result", tool_use_id: toWireId(toolCallId), ...(content === "" ? {} : { content }) },
    ];
  }
  if (message.role === "assistant") {
    const calls = (message.toolCalls ?? []).map(({ id, name, arguments: input }) => ({
      type: "tool_use" as const,
      id: toWireId(id),
      name,
      // Of an answer that broke off, half of the arguments may have been stored.
      input: parseJson(input) ?? {},
    }));
    return restoreTurn(message.content, calls, message.continuation);
  }
  if (typeof message.content === "string") return [{ type: "text", text: message.content }];
  return message.content.map((part) =>
    part.type === "text" ? part : { type: "image", source: toImageSource(part.url) },
  );
}

/** Anthropic takes letters, digits, _ and - in the id of a call; those of other providers, and of callers, have more. */
function toWireId(id: string): string {
  return id.replaceAll(/[^\w-]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
}

function toImageSource(url: string): Anthropic.ImageBlockParam["source"] {
  const [, mediaType, data] = /^data:([^;,]+);base64,(.*)$/s.exec(url) ?? [];
  if (mediaType === undefined || data === undefined) return { type: "url", url };
  return { type: "base64", media_type: mediaType as Anthropic.Base64ImageSource["media_type"], data };
}
