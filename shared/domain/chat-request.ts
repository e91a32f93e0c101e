import { z } from "zod";
import { type ChatMessage, chatMessageSchema, messageText, storableText } from "./chat-message.ts";
import { SluiceError } from "./errors.ts";
import { parseFields } from "./parse-fields.ts";

const optionsSchema = z.strictObject({
  /** The most tokens of the answer; the model's own maximum where absent. */
  maxTokens: z.int().min(1).max(1_000_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().min(0).max(1).optional(),
  stop: z
    .union([z.string().min(1).max(100), z.array(z.string().min(1).max(100)).min(1).max(4)])
    .transform((stop) => [stop].flat())
    .optional(),
  seed: z.int().optional(),
});

/** How the model is to answer; what is absent is left to the provider. */
export type ChatOptions = z.infer<typeof optionsSchema>;

const chatRequestSchema = z.strictObject({
  message: messageText.optional(),
  messages: z.array(chatMessageSchema).min(1).max(200).optional(),
  conversationId: z.uuid().toLowerCase().optional(),
  model: storableText.min(1).max(200).optional(),
  stream: z.boolean().optional(),
  options: optionsSchema.optional(),
});

/** A chat as the caller asked for it. */
export interface ChatRequest {
  /** What is added to the conversation; the last one is the user's. */
  messages: ChatMessage[];
  /** The conversation to continue; a new one where absent. */
  conversationId: string | undefined;
  /** The plan's default where absent. */
  model: string | undefined;
  stream: boolean;
  options: ChatOptions;
}

/**
 * Checks a parsed body of `POST ai-chat`.
 * @throws SluiceError invalid_request, naming the field
 */
export function parseChatRequest(body: unknown): ChatRequest {
  const { message, messages, ...rest } = parseFields(chatRequestSchema, body);
  if ((message === undefined) === (messages === undefined)) {
    throw new SluiceError("invalid_request", {
      param: "message",
      message: "Send either message or messages.",
    });
  }
  const turn: ChatMessage[] = messages ?? [{ role: "user", content: message as string }];
  if (turn.at(-1)?.role !== "user") {
    throw new SluiceError("invalid_request", {
      param: "messages",
      message: "messages: the last one must have the role user.",
    });
  }
  return {
    messages: turn,
    conversationId: rest.conversationId,
    model: rest.model,
    stream: rest.stream ?? false,
    options: rest.options ?? {},
  };
}
