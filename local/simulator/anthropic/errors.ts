import type { Refusal } from "../faults.ts";
import type { Answer, ModelRequest } from "../wire-format.ts";

export const requestId = "req_simulated";

const limit = 200_000;

/** An error as Anthropic answers it; `headers` alternates names and values. */
export function anthropicError(
  status: number,
  type: string,
  message: string,
  { headers = [], details }: { headers?: readonly string[]; details?: object } = {},
): Answer {
  const error = { type, message, ...(details === undefined ? {} : { details }) };
  return {
    status,
    headers: ["content-type", "application/json", "request-id", requestId, ...headers],
    body: JSON.stringify({ type: "error", error, request_id: requestId }),
  };
}

export function invalidRequest(message: string): Answer {
  return anthropicError(400, "invalid_request_error", message);
}

/** Refuses a request as Anthropic would; null for what it never answers. */
export function refuseAnthropic(refusal: Refusal, request: ModelRequest): Answer | null {
  const { status, code, retryAfterSeconds } = refusal;
  const model = request.model.split(";", 1)[0] ?? "";
  const wait = (usualSeconds: number) => {
    const seconds = Math.ceil(retryAfterSeconds ?? usualSeconds);
    return seconds === 0 ? [] : ["retry-after", String(seconds)];
  };
  switch (code === null ? String(status) : `${status} ${code}`) {
    case "400":
      return invalidRequest(
        "max_tokens: 1000000 > 64000, which is the maximum allowed number of output tokens",
      );
    case "400 context_length_exceeded":
      return invalidRequest(`prompt is too long: ${limit + request.promptTokens} tokens > ${limit} maximum`);
    case "400 content_policy":
      return invalidRequest("Output blocked by content filtering policy");
    case "400 prefill":
      return invalidRequest(
        "This model does not support assistant message prefill. The conversation must end with a user message.",
      );
    case "401":
      return anthropicError(401, "authentication_error", "invalid x-api-key");
    case "402":
      return anthropicError(
        402,
        "billing_error",
        "There is a problem with the billing of your organization.",
      );
    case "403":
      return anthropicError(
        403,
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
      );
    case "404":
      return anthropicError(404, "not_found_error", `model: ${model}`);
    case "413":
      return anthropicError(413, "request_too_large", "Request exceeds the maximum size");
    case "429":
      return anthropicError(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute.",
        {
          headers: [
            ...wait(2),
            ...["anthropic-ratelimit-requests-limit", "50", "anthropic-ratelimit-requests-remaining", "0"],
          ],
        },
      );
    case "429 enforced_spend_limit_reached":
      return anthropicError(
        429,
        "rate_limit_error",
        "Your organization has reached its monthly spend limit. Access resumes at the start of the next month.",
        { headers: wait(0), details: { error_code: "enforced_spend_limit_reached" } },
      );
    case "500":
      return anthropicError(500, "api_error", "Internal server error", { headers: wait(0) });
    case "502":
    case "503":
      return anthropicError(status, "api_error", "The service is temporarily unavailable", {
        headers: wait(0),
      });
    case "504":
      return anthropicError(504, "timeout_error", "The request timed out");
    case "529":
      return anthropicError(529, "overloaded_error", "Overloaded", { headers: wait(0) });
    default:
      return null;
  }
}
