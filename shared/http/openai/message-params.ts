import { z } from "zod";
import type { Warning } from "../../domain/chat-event.ts";
import { maxTools } from "../../domain/chat-message.ts";
import { orNull, textOrParts, unchecked, unsupported } from "./fields.ts";

const name = orNull(z.string());
/** Hints where a provider may cache. */
const cacheHint = { prompt_cache_breakpoint: unchecked };
const textPart = z.strictObject({ type: z.literal("text"), text: z.string(), ...cacheHint });
const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({ url: z.string(), detail: orNull(z.string()) }),
  ...cacheHint,
});
const refusalPart = z.strictObject({ type: z.literal("refusal"), refusal: z.string() });
const foreignPart = z.looseObject({ type: z.enum(["input_audio", "file"]) });

const functionCall = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string(),
    arguments: z.string(),
    /** What the client's `parse` adds. */
    parsed_arguments: unchecked,
  }),
  /** Left over where a client joined the pieces of a stream. */
  index: unchecked,
});
const customCall = z.looseObject({ type: z.literal("custom") });

/** Who speaks, and in which shape. What the texts may hold is for the domain to say. */
export const messageSchema = z.discriminatedUnion("role", [
  z.strictObject({ role: z.enum(["system", "developer"]), content: textOrParts(textPart), name }),
  z.strictObject({
    role: z.literal("user"),
    content: textOrParts(z.discriminatedUnion("type", [textPart, imagePart, foreignPart])),
    name,
  }),
  z.strictObject({
    role: z.literal("assistant"),
    content: orNull(textOrParts(z.discriminatedUnion("type", [textPart, refusalPart]))),
    refusal: orNull(z.string()),
    tool_calls: orNull(z.array(z.discriminatedUnion("type", [functionCall, customCall])).max(maxTools)),
    continuation: unchecked,
    name,
    audio: unchecked,
    function_call: unchecked,
    // Members of our answers and what the client's `parse` adds: a message may be sent back as it came.
    reasoning_content: unchecked,
    annotations: unchecked,
    parsed: unchecked,
  }),
  z.strictObject({
    role: z.literal("tool"),
    tool_call_id: z.string(),
    content: textOrParts(textPart),
    name: unchecked,
  }),
  z.looseObject({ role: z.literal("function") }),
]);

type Message = z.output<typeof messageSchema>;
type Warn = (warning: Warning) => void;

/**
 * OpenAI's messages as ours, one for one, so that a field's place in the list is the same in both. To be checked by the domain.
 * @param warn is told what is left out
 * @throws SluiceError unsupported_parameter, naming the field
 */
export function toMessages(messages: Message[], warn: Warn): unknown[] {
  return messages.map((message, index) => toMessage(message, `messages.${index}`, warn));
}

function toMessage(message: Message, path: string, warn: Warn): unknown {
  if (message.role === "function")
    throw unsupported(`${path}.role`, "function is not supported: use tools and the role tool");
  if (message.role === "tool")
    return { role: "tool", toolCallId: message.tool_call_id, content: joinParts(message.content) };
  if (message.name !== undefined)
    warn({ param: "messages.name", message: "The names of participants were left out." });
  if (message.role === "assistant") return toAssistantMessage(message, path);
  if (message.role === "user") return { role: "user", content: toContent(message.content, path, warn) };
  return { role: "system", content: joinParts(message.content) };
}

function toAssistantMessage(message: Extract<Message, { role: "assistant" }>, path: string) {
  for (const member of ["audio", "function_call"] as const)
    if (message[member] !== undefined && message[member] !== null)
      throw unsupported(`${path}.${member}`, "is not supported: leave it out");
  const calls = message.tool_calls?.map((call, index) => {
    if (call.type === "custom")
      throw unsupported(`${path}.tool_calls.${index}.type`, "only function is supported");
    const { id, function: called } = call;
    // Some models write nothing where a tool takes nothing.
    return { id, name: called.name, arguments: called.arguments === "" ? "{}" : called.arguments };
  });
  return {
    role: "assistant",
    content: joinParts(message.content ?? message.refusal ?? ""),
    ...(calls === undefined || calls.length === 0 ? {} : { toolCalls: calls }),
    ...(message.continuation === null ? {} : { continuation: message.continuation }),
  };
}

function toContent(content: Extract<Message, { role: "user" }>["content"], path: string, warn: Warn) {
  if (typeof content === "string") return content;
  return content.map((part, index) => {
    if (part.type === "text") return { type: "text", text: part.text };
    if (part.type !== "image_url")
      throw unsupported(
        `${path}.content.${index}.type`,
        `${part.type} is not supported: send text or images`,
      );
    const { url, detail = "auto" } = part.image_url;
    if (detail !== "auto")
      warn({ param: "messages.content.image_url.detail", message: "The detail of images was left out." });
    return { type: "image", url };
  });
}

function joinParts(content: string | ({ text: string } | { refusal: string })[]): string {
  if (typeof content === "string") return content;
  return content.map((part) => ("text" in part ? part.text : part.refusal)).join("");
}
