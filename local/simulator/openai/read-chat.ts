import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import { createPromptCounter } from "../token-count.ts";
import type { ModelRequest } from "../wire-format.ts";
import { readMessages } from "./read-messages.ts";
import { readOutputSchema, readTools } from "./read-tools.ts";

const parameters = new Set(
  "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options".split(
    " ",
  ),
);

/**
 * Reads a chat, all but how it is answered. Throws InvalidRequest for what OpenAI refuses; other services know more parameters, and
 * leave alone what they do not know.
 */
export function readChat(
  body: Record<string, unknown>,
  model: string,
  isOpenai: boolean,
): Omit<ModelRequest, "write"> {
  if (isOpenai)
    for (const name of Object.keys(body))
      if (!parameters.has(name))
        throw new InvalidRequest(`Unknown parameter: '${name}'.`, name, "unknown_parameter");
  if (isOpenai && /^(o\d|gpt-5)/.test(model)) refuseLegacy(body);
  if (!Array.isArray(body.messages))
    throw new InvalidRequest(
      "Missing required parameter: 'messages'.",
      "messages",
      "missing_required_parameter",
    );
  const maxTokens = readLimit(body);
  readTemperature(body.temperature);
  const stream = body.stream === true;
  if (body.stream_options != null && !stream)
    throw new InvalidRequest(
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      "stream_options",
      null,
    );
  const counter = createPromptCounter();
  const { lastUserText, lastRole } = readMessages(body.messages, counter);
  const tools = readTools(body);
  return {
    model,
    stream,
    body,
    maxTokens,
    lastUserText,
    tools,
    hasOutput: true,
    prompt: counter.prompt(),
    promptTokens: counter.tokens(tools.length > 0 ? body.tools : undefined),
    parallelTools: body.parallel_tool_calls !== false,
    bringsToolResults: lastRole === "tool",
    isPrefilled: lastRole === "assistant",
    outputSchema: readOutputSchema(body.response_format),
  };
}

/** What reasoning models refuse that others accept. */
function refuseLegacy({ max_tokens, temperature }: Record<string, unknown>): void {
  if (max_tokens != null)
    throw new InvalidRequest(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      "max_tokens",
      "unsupported_parameter",
    );
  if (temperature != null && temperature !== 1)
    throw new InvalidRequest(
      `Unsupported value: 'temperature' does not support ${JSON.stringify(temperature)} with this model. Only the default (1) value is supported.`,
      "temperature",
      "unsupported_value",
    );
}

function readLimit(body: Record<string, unknown>): number | null {
  if (body.max_tokens != null && body.max_completion_tokens != null)
    throw new InvalidRequest(
      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
      "max_tokens",
      "invalid_parameter_combination",
    );
  const name = body.max_completion_tokens == null ? "max_tokens" : "max_completion_tokens";
  const limit = body[name] ?? null;
  if (limit === null || (typeof limit === "number" && Number.isInteger(limit) && limit >= 1)) return limit;
  throw new InvalidRequest(
    `Invalid '${name}': expected an integer >= 1, but got ${JSON.stringify(limit)} instead.`,
    name,
    "integer_below_min_value",
  );
}

function readTemperature(temperature: unknown): void {
  if (temperature == null || (typeof temperature === "number" && temperature >= 0 && temperature <= 2))
    return;
  const isNumber = typeof temperature === "number";
  throw new InvalidRequest(
    `Invalid ${isNumber ? "" : "type for "}'temperature': expected a decimal from 0 to 2, but got ${JSON.stringify(temperature)} instead.`,
    "temperature",
    isNumber && temperature > 2
      ? "decimal_above_max_value"
      : isNumber
        ? "decimal_below_min_value"
        : "invalid_type",
  );
}

/** What a stream is to tell, as `stream_options` say. */
export function readStreamOptions({ stream_options }: Record<string, unknown>) {
  const options = isObject(stream_options) ? stream_options : {};
  return { includeUsage: options.include_usage === true, obfuscate: options.include_obfuscation !== false };
}
