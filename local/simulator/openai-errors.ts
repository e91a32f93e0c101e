import type { Answer } from "./wire-format.ts";

/** An error as OpenAI answers it; `headers` alternates names and values. */
export function openaiError(
  status: number,
  type: string,
  code: string | null,
  message: string,
  param: string | null = null,
  headers: readonly string[] = [],
): Answer {
  return {
    status,
    headers: ["content-type", "application/json", ...headers],
    body: JSON.stringify({ error: { message, type, param, code } }, null, 2),
  };
}

/** A request that OpenAI finds invalid. */
export function invalidRequest(message: string, param: string | null, code: string | null): Answer {
  return openaiError(400, "invalid_request_error", code, message, param);
}

/** The answer to a key that is not accepted. Like the true one it shows the ends of the key. */
export function invalidKey(key: string): Answer {
  const message =
    key === ""
      ? "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from https://platform.openai.com/account/api-keys."
      : `Incorrect API key provided: ${maskKey(key)}. You can find your API key at https://platform.openai.com/account/api-keys.`;
  return openaiError(401, "invalid_request_error", "invalid_api_key", message);
}

export function contextTooLong(promptTokens: number): Answer {
  const limit = 128_000;
  return invalidRequest(
    `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${limit + promptTokens} tokens. Please reduce the length of the messages.`,
    "messages",
    "context_length_exceeded",
  );
}

export function invalidTemperature(): Answer {
  return invalidRequest(
    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
    "temperature",
    "decimal_above_max_value",
  );
}

export function rateLimited(model: string): Answer {
  const message = `Rate limit reached for ${model} in organization org-simulated on requests per min (RPM): Limit 30, Used 30, Requested 1. Please try again in 2s. Visit https://platform.openai.com/account/rate-limits to learn more.`;
  return openaiError(429, "requests", "rate_limit_exceeded", message, null, [
    ...["retry-after", "2", "retry-after-ms", "2000"],
    ...["x-ratelimit-limit-requests", "30", "x-ratelimit-remaining-requests", "0"],
    ...["x-ratelimit-reset-requests", "2s"],
  ]);
}

export function outOfQuota(): Answer {
  const message =
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.";
  return openaiError(429, "insufficient_quota", "insufficient_quota", message);
}

export const serverFailedMessage =
  "The server had an error while processing your request. Sorry about that! You can retry your request, or contact us through our help center at help.openai.com if the error persists.";

export function serverFailed(): Answer {
  return openaiError(500, "server_error", null, serverFailedMessage);
}

export function overloaded(): Answer {
  const message = "Our servers are currently overloaded. Please try again later.";
  return openaiError(503, "service_unavailable_error", "server_is_overloaded", message);
}

function maskKey(key: string): string {
  const shown = key.length >= 20 ? 8 : 2;
  return `${key.slice(0, shown)}${"*".repeat(Math.max(key.length - shown - 4, 3))}${key.slice(-Math.min(4, shown))}`;
}
