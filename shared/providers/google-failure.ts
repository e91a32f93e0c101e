import type { Secret } from "../domain/secret.ts";
import { firstOf, isRecord, type WireError } from "./google-wire.ts";
import { ProviderError, type ProviderFailure } from "./provider.ts";
import { describeError, failureOfStatus, readRefusalBody, readRetryAfterMs, readWaitMs } from "./refusal.ts";
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
  const body = firstOf(await readRefusalBody(response));
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
  // Of a text that repeats what it was sent, the beginning says what is wrong.
  const text = isText(wire.message) ? wire.message.slice(0, 2000) : "";
  const failure = failureOf(wire.status, code, reasons, text, details);
  const names = [Number.isNaN(code) ? undefined : code, wire.status, ...reasons];
  return {
    failure,
    message: describeError({ names, message: text }, failure, key),
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
  const failure = failureOfName.get(status) ?? failureOfStatus(code);
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
const failureOfName: ReadonlyMap<unknown, ProviderFailure> = new Map([
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
  // With the status 499.
  ["CANCELLED", "unavailable"],
]);

/** Whether a `google.rpc.QuotaFailure` names a quota of the day, e.g. `GenerateRequestsPerDayPerProjectPerModel-FreeTier`. */
function hasDailyQuota(details: Record<string, unknown>[]): boolean {
  return details
    .flatMap(({ violations }) => (Array.isArray(violations) ? violations : []))
    .some((violation) => isRecord(violation) && String(violation.quotaId).includes("PerDay"));
}

/** A `google.protobuf.Duration`, e.g. `45.8s`. */
function millisecondsOf(duration: unknown): number | undefined {
  return isText(duration) && duration.endsWith("s") ? readWaitMs(duration.slice(0, -1), 1000) : undefined;
}
