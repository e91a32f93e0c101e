import { z } from "zod";
import type { Warning } from "../../domain/chat-event.ts";
import { maxTools } from "../../domain/chat-message.ts";
import { type ChatRequest, parseChatRequest } from "../../domain/chat-request.ts";
import { SluiceError } from "../../domain/errors.ts";
import { parseFields } from "../../domain/parse-fields.ts";
import { membersOf, orNull, refuseUnlessNeutral, unchecked, unsupported, withoutNulls } from "./fields.ts";
import { messageSchema, toMessages } from "./message-params.ts";
import { createRename, type Rename, renameError } from "./names.ts";

/** A request in OpenAI's words, understood. */
export interface ChatParams {
  request: ChatRequest;
  /** Whether a stream is to end with a chunk that tells the usage. */
  includeUsage: boolean;
  /** What was left out here, before any provider was chosen. In the caller's names. */
  warnings: Warning[];
  /** How the caller names our fields. */
  rename: Rename;
}

/** Members without an effect on the answer: whose request it is, and hints for caches. */
export const withoutEffect = {
  user: unchecked,
  metadata: unchecked,
  safety_identifier: unchecked,
  prompt_cache_key: unchecked,
  prompt_cache_options: unchecked,
  prompt_cache_retention: unchecked,
};

export const streamOptionsSchema = z
  .strictObject({ include_usage: orNull(z.boolean()), include_obfuscation: unchecked })
  .optional();

/** What we cannot do, and the values with which nobody asks for it. */
const neutralValues = {
  n: [1],
  logprobs: [false],
  top_logprobs: [0],
  frequency_penalty: [0],
  presence_penalty: [0],
  logit_bias: [{}],
  modalities: [["text"]],
  service_tier: ["auto", "default"],
  store: [false],
  verbosity: ["medium"],
  audio: [],
  prediction: [],
  moderation: [],
  web_search_options: [],
  functions: [],
  function_call: [],
};

const toolSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("function"),
    function: z.strictObject({
      name: z.string(),
      description: orNull(z.string()),
      parameters: orNull(z.unknown()),
      strict: orNull(z.boolean()),
    }),
  }),
  z.looseObject({ type: z.literal("custom") }),
]);

const toolChoiceSchema = z.union(
  [
    z.enum(["none", "auto", "required"]),
    z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
    z.looseObject({ type: z.enum(["allowed_tools", "custom"]) }),
  ],
  'must be "none", "auto", "required" or the name of a function as {"type":"function","function":{"name":"…"}}',
);

const responseFormatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string(),
      description: orNull(z.string()),
      schema: z.record(z.string(), z.unknown()),
      strict: orNull(z.boolean()),
    }),
  }),
]);

// What is of the same shape in our request is left to the domain, whose bounds it has to keep.
const chatSchema = z.strictObject({
  // Counted before they are looked at: a fault takes far more memory than what is at fault.
  messages: z.array(messageSchema).max(200, "holds more than 200 messages: send the newest ones"),
  model: unchecked,
  provider: unchecked,
  stream: unchecked,
  stream_options: streamOptionsSchema,
  max_tokens: unchecked,
  max_completion_tokens: unchecked,
  temperature: unchecked,
  top_p: unchecked,
  stop: unchecked,
  seed: unchecked,
  reasoning_effort: unchecked,
  parallel_tool_calls: unchecked,
  tools: z.array(toolSchema).max(maxTools, `holds more than ${maxTools} tools: send fewer`).optional(),
  tool_choice: toolChoiceSchema.optional(),
  response_format: responseFormatSchema.optional(),
  ...withoutEffect,
  ...membersOf(neutralValues),
});

type Body = z.output<typeof chatSchema>;

/**
 * Checks the parsed body of `POST v1/chat/completions`.
 * @throws SluiceError invalid_request or unsupported_parameter, naming the field as OpenAI does
 */
export function parseChatParams(json: unknown): ChatParams {
  const body = parseFields(chatSchema, withoutNulls(json));
  refuseUnlessNeutral(body, neutralValues);
  if (body.max_tokens !== undefined && body.max_completion_tokens !== undefined)
    throw new SluiceError("invalid_request", {
      param: "max_tokens",
      message: "max_tokens: is the older name of max_completion_tokens: send one of them.",
    });
  const warnings = new Map<string, Warning>();
  // Once for each field, in however many messages it is.
  const warn = (warning: Warning) => void warnings.set(warning.param, warning);
  const rename = createRename(body.max_tokens === undefined ? "max_completion_tokens" : "max_tokens");
  const chat = toChat(body, warn);
  return {
    request: parseRenamed(chat, rename),
    includeUsage: body.stream_options?.include_usage ?? false,
    warnings: [...warnings.values()],
    rename,
  };
}

/** Has the domain check a chat that is not part of a conversation. */
export function parseRenamed(chat: unknown, rename: Rename): ChatRequest {
  try {
    return { ...parseChatRequest(chat), conversationId: null };
  } catch (thrown) {
    throw renameError(thrown, rename);
  }
}

function toChat(body: Body, warn: (warning: Warning) => void): unknown {
  return {
    messages: toMessages(body.messages, warn),
    model: body.model,
    provider: body.provider,
    stream: body.stream,
    options: {
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      temperature: body.temperature,
      topP: body.top_p,
      stop: body.stop,
      seed: body.seed,
      reasoningEffort: toReasoningEffort(body.reasoning_effort, warn),
      parallelToolCalls: body.parallel_tool_calls,
      tools: body.tools?.map((tool, index) => {
        if (tool.type !== "function")
          throw unsupported(`tools.${index}.type`, "custom is not supported: send functions");
        return tool.function;
      }),
      toolChoice: toToolChoice(body.tool_choice),
      responseFormat: toResponseFormat(body.response_format, warn),
    },
  };
}

/** OpenAI has steps above `high` that no other provider has. */
function toReasoningEffort(effort: unknown, warn: (warning: Warning) => void): unknown {
  if (effort !== "xhigh" && effort !== "max") return effort;
  warn({ param: "reasoning_effort", message: `reasoning_effort: "high" was used in place of "${effort}".` });
  return "high";
}

function toToolChoice(choice: Body["tool_choice"]): unknown {
  if (choice === undefined || typeof choice === "string") return choice;
  if (choice.type === "function") return choice.function;
  throw unsupported("tool_choice.type", `${choice.type} is not supported: name a function`);
}

function toResponseFormat(format: Body["response_format"], warn: (warning: Warning) => void): unknown {
  if (format === undefined || format.type === "text") return undefined;
  if (format.type === "json_object") return format;
  const { description, ...rest } = format.json_schema;
  if (description !== undefined)
    warn({
      param: "response_format.json_schema.description",
      message: "The description of the response format was left out: describe it in the schema.",
    });
  return { type: "json_schema", ...rest };
}
