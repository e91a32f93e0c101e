import type { Refusal, RefusalStatus } from "../faults.ts";
import { contextTooLong } from "../openai/errors.ts";
import type { Answer, ModelRequest } from "../wire-format.ts";

/** An error as OpenRouter answers it: its code is the status; `headers` alternates names and values. */
export function openrouterError(
  code: number,
  message: string,
  metadata?: object,
  headers: readonly string[] = [],
): Answer {
  return {
    status: code,
    headers: ["content-type", "application/json", ...headers],
    body: JSON.stringify({
      error: { message, code, ...(metadata ? { metadata } : {}) },
      user_id: "user_simulated",
    }),
  };
}

const refusals: Partial<Record<RefusalStatus, readonly [message: string, errorType: string]>> = {
  400: ["Provider returned error", "invalid_request"],
  401: ["User not found.", "authentication"],
  402: [
    "This request requires more credits, or fewer max_tokens. You requested up to 4096 tokens, but can only afford 512.",
    "payment_required",
  ],
  403: ["Your key is not allowed to use this model", "permission_denied"],
  404: ["No endpoints found for this model.", "not_found"],
  408: ["Request timed out", "timeout"],
  413: ["Request too large", "payload_too_large"],
  422: ["The request could not be processed", "unprocessable"],
  429: ["Rate limit exceeded: free-models-per-min.", "rate_limit_exceeded"],
  500: ["Internal Server Error", "server"],
  502: ["Provider returned error", "provider_unavailable"],
  503: ["No instances available", "provider_unavailable"],
  529: ["Provider is overloaded", "provider_overloaded"],
};

/** Refuses a request as OpenRouter would; null for what it never answers. */
export function refuseOpenrouter(refusal: Refusal, request: ModelRequest): Answer | null {
  const { status, code, retryAfterSeconds } = refusal;
  const seconds = Math.ceil(retryAfterSeconds ?? (status === 429 ? 2 : 0));
  const headers = seconds === 0 ? [] : ["retry-after", String(seconds)];
  const upstream = (message: string) => ({
    raw: JSON.stringify({ error: { message } }),
    provider_name: "OpenAI",
  });
  switch (code) {
    case null: {
      const [message, error_type] = refusals[status] ?? [];
      if (message === undefined) return null;
      const more = status === 400 || status === 502 ? upstream("The provider refused.") : {};
      return openrouterError(status, message, { error_type, ...more }, headers);
    }
    case "context_length_exceeded": {
      const { message } = contextTooLong(request.promptTokens);
      return openrouterError(400, message, { error_type: code, ...upstream(message) });
    }
    case "content_policy":
      return openrouterError(400, "The prompt was flagged.", {
        error_type: "content_policy_violation",
        ...{
          reasons: ["violence"],
          flagged_input: "…",
          provider_name: "OpenAI",
          model_slug: "openai/gpt-4o-mini",
        },
      });
    case "prefill":
      return openrouterError(400, "Provider returned error", {
        error_type: "invalid_prompt",
        ...upstream("This model does not support assistant message prefill."),
      });
    case "insufficient_quota":
      return openrouterError(
        429,
        "Rate limit exceeded: limit_rpd.",
        { error_type: code },
        headers.slice(0, retryAfterSeconds ? 2 : 0),
      );
    default:
      return null;
  }
}
