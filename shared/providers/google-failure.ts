import type { Secret } from "../domain/secret.ts";
import { isRecord, parseAnswer, type WireError } from "./google-wire.ts";
import { ProviderError, type ProviderFailure } from "./provider.ts";
import { isText } from "./untrusted.ts";

/** Why a call failed, and in whose words. */
export interface Failure {
  failure: ProviderFailure;
  /** For the log: without the key, and short, because providers repeat what they were sent. */
  message: string;
  retryAfterMs: number | undefined;
}

/** Why Gemini did not begin to answer. */
export async function readRefusal(response: Response, key: Secret): Promise<ProviderError> {
  const { status, headers } = response;
  const body = parseAnswer(await response.text().catch(() => ""));
  const { failure, message, retryAfterMs } = readFailure(body?.error, status, key);
  return new ProviderError(failure, message, { retryAfterMs: retryAfterMs ?? readRetryAfterMs(headers) });
}

/**
 * Reads an error object. Its reason and status, which are documented (ai.google.dev/gemini-api/docs/troubleshooting), decide before the
 * HTTP status.
 * @param httpStatus of the response; undefined for an error within a stream
 */
export function readFailure(error: unknown, httpStatus: number | undefined, key: Secret): Failure {
  const wire: WireError = isRecord(error) ? error : {};
  const details = Array.isArray(wire.details) ? wire.details.filter(isRecord) : [];
  const code = httpStatus ?? Number(wire.code);
  const reasons = details.map(({ reason }) => reason).filter(isText);
  const text = isText(wire.message) ? wire.message : "";
  const words = [Number.isNaN(code) ? "" : String(code), wire.status, ...reasons, text];
  return {
    failure: failureOf(wire.status, code, reasons, text, details),
    message: words
      .filter(isText)
      // Before it is cut: half of a key is not recognised.
      .map((word) => word.replaceAll(key.reveal(), String(key)).slice(0, 200))
      .join(" "),
    retryAfterMs: details.map(({ retryDelay }) => millisecondsOf(retryDelay)).find((ms) => ms !== undefined),
  };
}

function failureOf(
  status: unknown,
  code: number,
  reasons: string[],
  text: string,
  details: Record<string, unknown>[],
): ProviderFailure {
  for (const reason of reasons) {
    const failure = failureOfReason.get(reason);
    if (failure !== undefined) return failure;
  }
  const failure = failureOfStatus.get(status) ?? failureOfCode(code);
  // Google has no codes for these two: its words are all there is.
  if (failure === "invalid_request" && /token count\b.*\bexceeds/i.test(text)) return "context_length";
  if (failure === "invalid_request" && /\bviolates?\b.*\bpolic/i.test(text)) return "content_policy";
  // 402 is a prepaid balance that is used up, which has the same status as a rate limit.
  if (failure === "rate_limited" && (code === 402 || hasDailyQuota(details))) return "quota";
  return failure;
}

/** `google.api.ErrorReason`. */
const failureOfReason: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["API_KEY_INVALID", "credential"],
  ["CONSUMER_SUSPENDED", "credential"],
  ["BILLING_DISABLED", "quota"],
]);

/** `google.rpc.Code`. */
const failureOfStatus: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["INVALID_ARGUMENT", "invalid_request"],
  ["OUT_OF_RANGE", "invalid_request"],
  ["UNAUTHENTICATED", "credential"],
  ["PERMISSION_DENIED", "permission"],
  ["NOT_FOUND", "permission"],
  // A free key where Google offers no free tier: another key may do.
  ["FAILED_PRECONDITION", "permission"],
  ["RESOURCE_EXHAUSTED", "rate_limited"],
  ["INTERNAL", "unavailable"],
  ["UNAVAILABLE", "unavailable"],
  ["DEADLINE_EXCEEDED", "unavailable"],
]);

function failureOfCode(code: number): ProviderFailure {
  if (code === 401) return "credential";
  if (code === 402) return "quota";
  if (code === 403 || code === 404) return "permission";
  if (code === 429) return "rate_limited";
  if (code === 400 || code === 413 || code === 422) return "invalid_request";
  return "unavailable";
}

/** Whether a `google.rpc.QuotaFailure` names a quota of the day, e.g. `GenerateRequestsPerDayPerProjectPerModel-FreeTier`. */
function hasDailyQuota(details: Record<string, unknown>[]): boolean {
  return details
    .flatMap(({ violations }) => (Array.isArray(violations) ? violations : []))
    .some((violation) => isRecord(violation) && String(violation.quotaId).includes("PerDay"));
}

/** A `google.protobuf.Duration`, e.g. `45.8s`. */
function millisecondsOf(duration: unknown): number | undefined {
  if (!isText(duration) || !/^\d+(?:\.\d+)?s$/.test(duration)) return undefined;
  return Math.ceil(Number(duration.slice(0, -1)) * 1000);
}

/** Gemini says how long to wait in the body; what stands before it may use the standard header, in seconds. */
function readRetryAfterMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
