import type { Refusal } from "../faults.ts";
import { edgeFailed } from "../openai/errors.ts";
import type { Answer, ModelRequest } from "../wire-format.ts";

const contextTokens = 1_048_576;
const typePrefix = "type.googleapis.com/google.rpc.";

/** An error as Gemini answers it. */
export function googleError(
  code: number,
  status: string,
  message: string,
  details: readonly object[] = [],
): Answer {
  const error = { code, message, status, ...(details.length > 0 ? { details } : {}) };
  return {
    status: code,
    headers: ["content-type", "application/json; charset=UTF-8"],
    body: JSON.stringify({ error }, null, 2),
  };
}

export function invalidArgument(message: string): Answer {
  return googleError(400, "INVALID_ARGUMENT", message);
}

/** The answer to a key that is not accepted, which is no 401. */
export function invalidKey(): Answer {
  return googleError(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
    {
      "@type": `${typePrefix}ErrorInfo`,
      reason: "API_KEY_INVALID",
      domain: "googleapis.com",
      metadata: { service: "generativelanguage.googleapis.com" },
    },
  ]);
}

export const overloadedMessage = "The model is overloaded. Please try again later.";

/** Refuses a request as Gemini would; null for what it never answers. */
export function refuseGoogle(refusal: Refusal, request: ModelRequest): Answer | null {
  const { status, code, retryAfterSeconds } = refusal;
  const model = request.model.split(";", 1)[0] ?? "";
  switch (code === null ? String(status) : `${status} ${code}`) {
    case "400":
      return invalidArgument(
        "Unable to submit request because it has a maxOutputTokens value of 1000000 but the supported range is from 1 (inclusive) to 65537 (exclusive).",
      );
    case "400 context_length_exceeded":
      return invalidArgument(
        `The input token count (${contextTokens + request.promptTokens}) exceeds the maximum number of tokens allowed (${contextTokens}).`,
      );
    case "400 content_policy":
      return invalidArgument("The request was blocked because it violates the usage policies.");
    case "400 prefill":
      return invalidArgument("Please ensure that the conversation ends with a user turn.");
    case "400 API_KEY_INVALID":
      return invalidKey();
    case "401":
      return googleError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
    case "403":
      return googleError(403, "PERMISSION_DENIED", "The caller does not have permission");
    case "404":
      return googleError(
        404,
        "NOT_FOUND",
        `models/${model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.`,
      );
    case "408":
    case "413":
      return edgeFailed(status, status === 408 ? "Request Timeout" : "Request Entity Too Large");
    case "429":
      return exhausted("GenerateRequestsPerMinutePerProjectPerModel", retryAfterSeconds ?? 2);
    case "429 PerDay":
      // Gemini names a wait even where waiting for it cannot help.
      return exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", retryAfterSeconds ?? 37);
    case "500":
      return googleError(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
        waitDetails(retryAfterSeconds ?? 0),
      );
    case "502":
      return edgeFailed(502, "Bad Gateway");
    case "503":
      return googleError(503, "UNAVAILABLE", overloadedMessage, waitDetails(retryAfterSeconds ?? 0));
    case "504":
      return googleError(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.");
    default:
      return null;
  }
}

function exhausted(quotaId: string, retryAfterSeconds: number): Answer {
  return googleError(
    429,
    "RESOURCE_EXHAUSTED",
    "You exceeded your current quota, please check your plan and billing details.",
    [
      {
        "@type": `${typePrefix}QuotaFailure`,
        violations: [
          {
            quotaMetric: "generativelanguage.googleapis.com/generate_content_requests",
            quotaId,
            quotaValue: "20",
          },
        ],
      },
      ...waitDetails(retryAfterSeconds),
    ],
  );
}

/** When to come back: in the body, for Gemini sends no Retry-After; nothing for 0. */
function waitDetails(seconds: number): object[] {
  return seconds === 0 ? [] : [{ "@type": `${typePrefix}RetryInfo`, retryDelay: `${seconds}s` }];
}
