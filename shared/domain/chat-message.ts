import { z } from "zod";

/** Text that Postgres can store and every provider can read. */
export const storableText = z
  .string()
  .refine((value) => !value.includes("\u0000"), "contains a NUL character: remove it")
  .refine((value) => value.isWellFormed(), "contains half of a surrogate pair: send whole characters");

export const messageText = storableText.min(1, "is empty");

export const chatMessageSchema = z.strictObject({
  role: z.enum(["system", "user", "assistant"]),
  content: messageText,
});

/** One message of a conversation. */
export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** Why an answer ended. `interrupted` is ours: it was cut before its end. */
export type FinishReason = "stop" | "length" | "content_filter" | "interrupted";
