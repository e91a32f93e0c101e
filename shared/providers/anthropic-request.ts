import type { Anthropic } from "@anthropic-ai/sdk";
import type { ObjectSchema } from "../domain/json-schema.ts";
import { isThinking } from "./anthropic-continuation.ts";
import { buildConversation, type Conversation } from "./anthropic-messages.ts";
import { chooseThinking, wantsThoughts } from "./anthropic-thinking.ts";
import type { ChatOutline, HarmlessOption, Limitations, ProviderRequest } from "./provider.ts";

type Options = ProviderRequest["options"];

/** Gone from the SDK's types, which follow a later version of the API than the one that is asked for: see anthropic.ts. */
interface Sampling {
  temperature?: number;
  top_p?: number;
}

type MessagesBody = Anthropic.MessageCreateParams & Sampling;

/** The body of `POST /v1/messages`. */
export function buildBody(request: ProviderRequest): MessagesBody {
  const { upstreamModel, maxOutputTokens, options, stream } = request;
  const { system, messages } = buildConversation(request.messages);
  const { thinking, effort, isOff } = chooseThinking(request, messages);
  const format = options.responseFormat?.type === "json_schema" ? options.responseFormat : undefined;
  return {
    model: upstreamModel,
    max_tokens: maxOutputTokens,
    ...(system.length > 0 ? { system } : {}),
    messages: isOff ? messages.map(withoutThoughts) : messages,
    ...(thinking ? { thinking } : {}),
    ...(effort || format
      ? {
          output_config: {
            ...(effort ? { effort } : {}),
            ...(format ? { format: { type: "json_schema", schema: closeObjects(format.schema) } } : {}),
          },
        }
      : {}),
    ...buildTools(options, messages),
    ...buildSampling(options),
    ...(options.stop ? { stop_sequences: options.stop } : {}),
    ...(stream ? { stream } : {}),
  };
}

/** What Anthropic's protocol cannot carry. */
export function findLimitations(chat: ChatOutline): Limitations {
  const { options } = chat;
  const dropped: HarmlessOption[] = [];
  const isThoughtless =
    wantsThoughts(options) && chooseThinking(chat, buildConversation(chat.messages).messages).isOff;
  if (isThoughtless) dropped.push("reasoningEffort");
  const { reasoningEffort: _, ...rest } = options;
  const sampling = buildSampling(isThoughtless ? rest : options);
  if (options.temperature !== undefined && sampling.temperature === undefined) dropped.push("temperature");
  if (options.topP !== undefined && sampling.top_p === undefined) dropped.push("topP");
  if (options.seed !== undefined) dropped.push("seed");
  // There is JSON that follows a schema, and no other.
  return {
    dropped,
    refused: options.responseFormat?.type === "json_object" ? "options.responseFormat" : null,
  };
}

/** Thoughts allow no temperature and a top_p of 0.95 or more. Models of Claude 4.1 to 4.6 take one of the two alone, older ones are best given one. */
function buildSampling(options: Options): Sampling {
  const { temperature, topP } = options;
  if (wantsThoughts(options)) return topP !== undefined && topP >= 0.95 ? { top_p: topP } : {};
  // The scale of others ends at 2.
  if (temperature !== undefined) return { temperature: Math.min(1, temperature) };
  return topP === undefined ? {} : { top_p: topP };
}

function buildTools(
  { tools, toolChoice, parallelToolCalls }: Options,
  messages: Conversation["messages"],
): Pick<MessagesBody, "tools" | "tool_choice"> {
  if (tools === undefined) {
    // Calls in the history want their tools declared, though nobody may call them any more.
    const names = new Set(
      messages.flatMap(({ content }) =>
        content.flatMap((block) => (block.type === "tool_use" ? [block.name] : [])),
      ),
    );
    if (names.size === 0) return {};
    const declared = [...names].map((name) => ({ name, input_schema: { type: "object" as const } }));
    return { tools: declared, tool_choice: { type: "none" } };
  }
  const isSerial = parallelToolCalls === false && toolChoice !== "none";
  const choice = toChoice(toolChoice);
  return {
    tools: tools.map(({ name, description, parameters, strict }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      input_schema: { ...parameters, type: "object" },
      ...(strict === undefined ? {} : { strict }),
    })),
    ...(choice || isSerial
      ? {
          tool_choice: {
            ...(choice ?? { type: "auto" }),
            ...(isSerial ? { disable_parallel_tool_use: true } : {}),
          },
        }
      : {}),
  };
}

function toChoice(toolChoice: Options["toolChoice"]): Anthropic.ToolChoice | undefined {
  if (toolChoice === undefined) return undefined;
  if (typeof toolChoice === "object") return { type: "tool", name: toolChoice.name };
  return { type: toolChoice === "required" ? "any" : toolChoice };
}

function withoutThoughts(message: Conversation["messages"][number]): Conversation["messages"][number] {
  return { ...message, content: message.content.filter((block) => !isThinking(block)) };
}

/** Anthropic wants each object of a schema closed to other members; where the schema leaves it open, a closed one satisfies it, too. */
function closeObjects(schema: ObjectSchema): ObjectSchema {
  return closeValue(schema) as ObjectSchema;
}

function closeValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closeValue);
  if (typeof value !== "object" || value === null) return value;
  const closed = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, closeValue(child)]));
  return [closed.type].flat().includes("object") && closed.additionalProperties === undefined
    ? { ...closed, additionalProperties: false }
    : closed;
}
