import { createHash } from "node:crypto";
import type { OpenAI } from "openai";
import type { ChatMessage } from "../domain/chat-message.ts";
import type { ChatOptions, Tool } from "../domain/chat-request.ts";
import { readContinuation } from "./openai-continuation.ts";
import type { Dialect } from "./openai-dialects.ts";
import type { ChatOutline, Limitations, ProviderRequest } from "./provider.ts";

type Body = Partial<OpenAI.Chat.ChatCompletionCreateParams>;

/** The body of a chat, as a service wants it. */
export function buildChatBody(request: ProviderRequest, dialect: Dialect): object {
  const { upstreamModel, messages, maxOutputTokens, options, stream } = request;
  const { temperature, topP, stop, seed, responseFormat } = options;
  return {
    model: upstreamModel,
    messages: messages.map((message) => toWireMessage(message, dialect)),
    [dialect.tokenLimit]: maxOutputTokens,
    ...dialect.always,
    ...(temperature === undefined ? {} : { temperature: Math.min(temperature, dialect.maxTemperature) }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined || dialect.seed === null ? {} : { [dialect.seed]: toSeed(seed, dialect) }),
    ...(responseFormat === undefined ? {} : { response_format: toWireFormat(responseFormat, dialect) }),
    ...buildToolMembers(options, dialect),
    ...buildReasoningMembers(request, dialect),
    ...(stream ? { stream: true, ...dialect.streamed } : {}),
  };
}

/** What a service cannot carry of a chat. */
export function findLimitations({ messages, options }: ChatOutline, dialect: Dialect): Limitations {
  const dropped: Limitations["dropped"] = [];
  if (options.seed !== undefined && dialect.seed === null) dropped.push("seed");
  if (options.parallelToolCalls === false && !dialect.takesParallelToolCalls)
    dropped.push("parallelToolCalls");
  if (options.reasoningEffort !== undefined && isThinkingLost(messages, dialect))
    dropped.push("reasoningEffort");
  const isSchemaRefused = options.responseFormat?.type === "json_schema" && !dialect.takesJsonSchema;
  return { dropped, refused: isSchemaRefused ? "options.responseFormat" : null };
}

function toWireMessage(message: ChatMessage, dialect: Dialect): OpenAI.Chat.ChatCompletionMessageParam {
  if (message.role === "tool") {
    const { role, toolCallId, content } = message;
    return { role, tool_call_id: toWireId(toolCallId, dialect), content };
  }
  if (message.role === "assistant") {
    const { role, content, toolCalls, continuation } = message;
    if (toolCalls === undefined) return { role, content };
    return {
      role,
      content: content || null,
      ...(dialect.thoughts === null ? {} : readContinuation(continuation, dialect.thoughts.member)),
      tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
        id: toWireId(id, dialect),
        type: "function",
        function: { name, arguments: text },
      })),
    };
  }
  const { role, content } = message;
  if (typeof content === "string") return { role, content };
  return {
    role: "user",
    content: content.map((part) =>
      part.type === "text" ? part : { type: "image_url", image_url: { url: part.url } },
    ),
  };
}

/** An id that the service refuses is replaced by one that follows from it, so that calls and results still belong together. */
function toWireId(id: string, { toolCallId }: Dialect): string {
  if (toolCallId === null || toolCallId.test(id)) return id;
  return createHash("sha256").update(id).digest("hex").slice(0, 9);
}

/** Mistral's seeds begin at 0. */
function toSeed(seed: number, dialect: Dialect): number {
  return dialect.seed === "random_seed" ? Math.abs(seed) : seed;
}

function toWireFormat(
  format: NonNullable<ChatOptions["responseFormat"]>,
  dialect: Dialect,
): NonNullable<Body["response_format"]> {
  if (format.type === "json_object") return { type: "json_object" };
  const { name, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, schema, ...toStrict(strict, dialect) } };
}

function toStrict(strict: boolean | undefined, { takesStrict }: Dialect): { strict?: boolean } {
  return strict === undefined || !takesStrict ? {} : { strict };
}

/** OpenAI refuses a choice of tools without tools. */
function buildToolMembers(
  { tools, toolChoice, parallelToolCalls }: ProviderRequest["options"],
  dialect: Dialect,
): Body {
  if (tools === undefined) return {};
  return {
    tools: tools.map((tool) => toWireTool(tool, dialect)),
    ...(toolChoice === undefined
      ? {}
      : {
          tool_choice:
            typeof toolChoice === "string"
              ? toolChoice
              : { type: "function", function: { name: toolChoice.name } },
        }),
    ...(parallelToolCalls === undefined || !dialect.takesParallelToolCalls
      ? {}
      : { parallel_tool_calls: parallelToolCalls }),
  };
}

/** Mistral wants parameters even where there are none; `additionalProperties` is what a strict schema must have. */
const noParameters = { type: "object", properties: {}, additionalProperties: false };

function toWireTool(
  { name, description, parameters = noParameters, strict }: Tool,
  dialect: Dialect,
): OpenAI.Chat.ChatCompletionTool {
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters,
      ...toStrict(strict, dialect),
    },
  };
}

function buildReasoningMembers({ messages, options }: ProviderRequest, dialect: Dialect): object {
  if (isThinkingLost(messages, dialect)) return dialect.thoughts?.without ?? {};
  return options.reasoningEffort === undefined ? {} : dialect.reasoning(options.reasoningEffort);
}

/**
 * Whether a service that insists on the thoughts behind tool calls cannot have them, because another provider made the calls or the
 * caller sent nothing back. It answers without thinking then, instead of refusing.
 */
function isThinkingLost(messages: ChatMessage[], { thoughts }: Dialect): boolean {
  if (!thoughts?.without) return false;
  return messages.some(
    (message) =>
      message.role === "assistant" &&
      message.toolCalls !== undefined &&
      readContinuation(message.continuation, thoughts.member) === undefined,
  );
}
