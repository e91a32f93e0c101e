import type { Refusal } from "../faults.ts";
import type { InvalidRequest } from "../invalid-request.ts";
import type { Answer, ModelRequest } from "../wire-format.ts";

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
export function invalidRequest({
  message,
  param,
  code,
}: Pick<InvalidRequest, "message" | "param" | "code">): Answer {
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

export const serverFailedMessage =
  "The server had an error while processing your request. Sorry about that! You can retry your request, or contact us through our help center at help.openai.com if the error persists.";

/** Refuses a request as OpenAI, or a service that is compatible with it, would; null for what none of them answers. */
export function refuseOpenai(refusal: Refusal, request: ModelRequest, key: string): Answer | null {
  const { status, code } = refusal;
  const model = request.model.split(";", 1)[0] ?? "";
  const wait = (usualSeconds: number) => retryHeaders(refusal.retryAfterSeconds ?? usualSeconds);
  switch (code === null ? String(status) : `${status} ${code}`) {
    case "400":
      return invalidRequest({
        message:
          "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        param: "temperature",
        code: "decimal_above_max_value",
      });
    case "400 context_length_exceeded":
      return invalidRequest(contextTooLong(request.promptTokens));
    case "400 content_policy":
      return invalidRequest({
        message: "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
        param: null,
        code: "content_policy_violation",
      });
    case "400 prefill":
      return invalidRequest({
        message:
          "This model does not support assistant message prefill. The conversation must end with a user message.",
        param: "messages",
        code: null,
      });
    case "401":
      return invalidKey(key);
    case "402":
      // Not OpenAI's, but what DeepSeek answers.
      return openaiError(402, "unknown_error", "invalid_request_error", "Insufficient Balance");
    case "403":
      return openaiError(
        403,
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
      );
    case "404":
      return openaiError(
        404,
        "invalid_request_error",
        "model_not_found",
        `The model \`${model}\` does not exist or you do not have access to it.`,
      );
    case "408":
      return openaiError(408, "server_error", null, "Request timed out.");
    case "413":
      return edgeFailed(413, "Payload Too Large");
    case "422":
      return openaiError(422, "invalid_request_error", null, "The request could not be processed.");
    case "429":
      return openaiError(
        429,
        "requests",
        "rate_limit_exceeded",
        `Rate limit reached for ${model} in organization org-simulated on requests per min (RPM): Limit 30, Used 30, Requested 1. Please try again in ${refusal.retryAfterSeconds ?? 2}s. Visit https://platform.openai.com/account/rate-limits to learn more.`,
        null,
        [
          ...wait(2),
          ...["x-ratelimit-limit-requests", "30", "x-ratelimit-remaining-requests", "0"],
          ...["x-ratelimit-reset-requests", `${refusal.retryAfterSeconds ?? 2}s`],
        ],
      );
    case "429 insufficient_quota":
    case "429 credit_balance_exhausted":
      return openaiError(
        429,
        code ?? "",
        code,
        "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        null,
        wait(0),
      );
    case "500":
      return openaiError(500, "server_error", null, serverFailedMessage, null, wait(0));
    case "502":
    case "504":
      return edgeFailed(status, status === 502 ? "Bad Gateway" : "Gateway Time-out");
    case "503":
      return openaiError(
        503,
        "service_unavailable_error",
        "server_is_overloaded",
        "Our servers are currently overloaded. Please try again later.",
        null,
        wait(0),
      );
    default:
      return null;
  }
}

export function contextTooLong(promptTokens: number) {
  const limit = 128_000;
  return {
    message: `This model's maximum context length is ${limit} tokens. However, your messages resulted in ${limit + promptTokens} tokens. Please reduce the length of the messages.`,
    param: "messages",
    code: "context_length_exceeded",
  };
}

/** What stands before the provider answers in its place: a page, not JSON. */
export function edgeFailed(status: number, title: string): Answer {
  const body = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: ["content-type", "text/html"], body };
}

/** When to come back, in whole seconds and in milliseconds; nothing for 0. */
function retryHeaders(seconds: number): string[] {
  if (seconds === 0) return [];
  return ["retry-after", String(Math.ceil(seconds)), "retry-after-ms", String(Math.round(seconds * 1000))];
}

function maskKey(key: string): string {
  const shown = key.length >= 20 ? 8 : 2;
  return `${key.slice(0, shown)}${"*".repeat(Math.max(key.length - shown - 4, 3))}${key.slice(-Math.min(4, shown))}`;
}
