import { z } from "zod";
import {
  type ChatMessage,
  chatMessageSchema,
  maxTools,
  messageText,
  storableText,
  toolName,
} from "./chat-message.ts";
import { SluiceError } from "./errors.ts";
import { objectSchema } from "./json-schema.ts";
import { parseFields } from "./parse-fields.ts";

const toolSchema = z.strictObject({
  name: toolName,
  description: storableText.max(10_000).optional(),
  /** JSON schema of the arguments: an object without members where absent. */
  parameters: objectSchema.optional(),
  /** Whether the arguments must satisfy the schema to the letter, where the provider can hold the model to it. */
  strict: z.boolean().optional(),
});

const responseFormatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    name: toolName,
    schema: objectSchema,
    strict: z.boolean().optional(),
  }),
]);

const chatOptionsSchema = z.strictObject({
  /** The most tokens of the answer, reasoning included; the model's own maximum where absent. */
  maxTokens: z.int().min(1).max(1_000_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().min(0).max(1).optional(),
  stop: z
    .union(
      [storableText.min(1).max(100), z.array(storableText.min(1).max(100)).min(1).max(4)],
      "must be a text or a list of 1 to 4 texts",
    )
    .transform((stop) => [stop].flat())
    .optional(),
  seed: z.int().optional(),
  reasoningEffort: z.enum(["none", "minimal", "low", "medium", "high"]).optional(),
  tools: z.array(toolSchema).min(1).max(maxTools).optional(),
  toolChoice: z
    .union(
      [z.enum(["auto", "none", "required"]), z.strictObject({ name: toolName })],
      "must be auto, none, required or { name }",
    )
    .optional(),
  /** Whether the model may ask for several tools at once. */
  parallelToolCalls: z.boolean().optional(),
  responseFormat: responseFormatSchema.optional(),
});

/** How the model is to answer; what is absent is left to the provider. */
export type ChatOptions = z.infer<typeof chatOptionsSchema>;
export type Tool = z.infer<typeof toolSchema>;

const chatRequestSchema = z.strictObject({
  message: messageText.optional(),
  messages: z
    .array(chatMessageSchema)
    .min(1, "is empty: send at least one message")
    .max(200, "holds more than 200 messages: send the newest ones")
    .optional(),
  conversationId: z.uuid().toLowerCase().optional(),
  model: storableText.min(1).max(200).optional(),
  provider: storableText.min(1).max(40).optional(),
  stream: z.boolean().optional(),
  options: chatOptionsSchema.optional(),
});

/** A chat as the caller asked for it. */
export interface ChatRequest {
  /** What is added to the conversation; the last one is the user's, or the result of a tool. */
  messages: ChatMessage[];
  /** The conversation to continue; a new one where absent; null where none is kept. */
  conversationId: string | null | undefined;
  /** The plan's default where absent. */
  model: string | undefined;
  /** The provider to be tried first, where it serves the model. */
  provider: string | undefined;
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
  const request: ChatRequest = {
    messages: messages ?? [{ role: "user", content: message as string }],
    conversationId: rest.conversationId,
    model: rest.model,
    provider: rest.provider,
    stream: rest.stream ?? false,
    options: rest.options ?? {},
  };
  checkChat(request, rest.conversationId !== undefined);
  return request;
}

/**
 * Checks what no schema of a single field can say.
 * @param hasHistory whether a conversation comes before the messages, in which a tool may have been asked for
 * @throws SluiceError invalid_request, naming the field
 */
function checkChat({ messages, options }: ChatRequest, hasHistory: boolean): void {
  const last = messages.at(-1);
  if (last?.role !== "user" && last?.role !== "tool")
    throw invalid("messages", "messages: the last one must have the role user or tool.");
  checkToolResults(messages, hasHistory);
  const { tools = [], toolChoice } = options;
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) throw invalid("options.tools", "options.tools: each name once.");
  if (toolChoice !== undefined && toolChoice !== "none" && toolChoice !== "auto" && tools.length === 0)
    throw invalid("options.toolChoice", "options.toolChoice: needs options.tools.");
  if (typeof toolChoice === "object" && !names.has(toolChoice.name))
    throw invalid("options.toolChoice", "options.toolChoice: names none of options.tools.");
}

/** Providers refuse results that nobody asked for, and calls without all of their results. */
function checkToolResults(messages: ChatMessage[], hasHistory: boolean): void {
  // Calls that were asked for before the first message are the history's affair.
  let open: Set<string> | null = hasHistory ? null : new Set();
  for (const [index, message] of messages.entries()) {
    const param = `messages.${index}`;
    if (message.role === "tool") {
      if (open !== null && !open.delete(message.toolCallId))
        throw invalid(
          `${param}.toolCallId`,
          `${param}.toolCallId: no call before it has this id and no result.`,
        );
      continue;
    }
    if (open !== null && open.size > 0)
      throw invalid(param, `${param}: the tool calls before it need their results first.`);
    if (message.role === "assistant") {
      const ids = message.toolCalls?.map(({ id }) => id) ?? [];
      open = new Set(ids);
      if (open.size < ids.length) throw invalid(`${param}.toolCalls`, `${param}.toolCalls: each id once.`);
    } else open = new Set();
  }
  if (open !== null && open.size > 0)
    throw invalid("messages", "messages: every tool call needs its result.");
}

function invalid(param: string, message: string): SluiceError {
  return new SluiceError("invalid_request", { param, message });
}
