import { z } from "zod";

/** Text that Postgres can store and every provider can read. */
export const storableText = z
  .string()
  .refine((value) => !value.includes("\u0000"), "contains a NUL character: remove it")
  .refine((value) => value.isWellFormed(), "contains half of a surrogate pair: send whole characters");

export const messageText = storableText.min(1, "is empty");

/** The formats that every provider with eyes takes. */
const imageData = /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/;

/** An image: a public https address, which the provider fetches, or a `data:` URL. We fetch nothing that a request names. */
const imageUrl = storableText.refine(
  (url) => imageData.test(url) || (url.length <= 2048 && /^https:\/\//.test(url) && URL.canParse(url)),
  "is neither an https address nor a base64 data: URL of a PNG, JPEG, GIF or WebP image",
);

const contentPart = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: messageText }),
  z.strictObject({ type: z.literal("image"), url: imageUrl }),
]);

/** A piece of what a user says. */
export type ContentPart = z.infer<typeof contentPart>;

/** The name of a tool, as all providers take it. */
export const toolName = z.string().regex(/^[\w-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -");

const toolCall = z.strictObject({
  id: storableText.min(1).max(200),
  name: toolName,
  /** JSON, as the model wrote it: not always well. */
  arguments: storableText,
});

/** A call of a tool that the model asks the app to make. */
export type ToolCall = z.infer<typeof toolCall>;

/** What a provider takes and a model may call at once. */
export const maxTools = 128;

/** What a request can carry of it. UTF-16 units. */
export const maxContinuationLength = 262_144;

/**
 * What a provider wants to get back, unchanged, together with the results of the tools that it called: signed thoughts of its
 * own. Opaque to callers; other providers ignore it.
 */
const continuation = storableText.min(1).max(maxContinuationLength);

export const chatMessageSchema = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content: messageText }),
  z.strictObject({
    role: z.literal("user"),
    content: z.union([messageText, z.array(contentPart).min(1).max(100)], "must be a text or 1 to 100 parts"),
  }),
  z
    .strictObject({
      role: z.literal("assistant"),
      content: storableText.optional(),
      toolCalls: z.array(toolCall).max(maxTools).optional(),
      continuation: continuation.nullish(),
    })
    .refine(({ content, toolCalls = [] }) => Boolean(content) || toolCalls.length > 0, {
      path: ["content"],
      message: "is empty",
    })
    // As our answers have them, which may be sent back: no calls are an empty list.
    .transform(({ role, content = "", toolCalls = [], continuation }) => ({
      role,
      content,
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...(continuation == null ? {} : { continuation }),
    })),
  z.strictObject({
    role: z.literal("tool"),
    toolCallId: storableText.min(1).max(200),
    content: storableText,
  }),
]);

/** One message of a conversation. A `tool` message is the result of a call that the assistant message before it asked for. */
export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** Why an answer ended. `interrupted` is ours: it was cut before its end. */
export type FinishReason = "stop" | "length" | "content_filter" | "tool_calls" | "interrupted";

/** The text of a message, without its images. */
export function textOf({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The images of a message, in order. */
export function imagesOf({ content }: ChatMessage): string[] {
  return typeof content === "string"
    ? []
    : content.flatMap((part) => (part.type === "image" ? [part.url] : []));
}
