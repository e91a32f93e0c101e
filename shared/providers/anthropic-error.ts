import type { Secret } from "../domain/secret.ts";
import type { ProviderFailure } from "./provider.ts";
import { isText } from "./untrusted.ts";

/** What stands in an error of Anthropic's shape. Anything may be missing or of another type. */
export interface WireError {
  type?: unknown;
  message?: unknown;
  details?: { error_code?: unknown } | null;
}

/** Of `error.details.error_code`, which is finer than the type and tells a spent budget from haste: both are a rate_limit_error. */
const failureOfCode: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["enforced_spend_limit_reached", "quota"],
  ["contract_spend_limit_reached", "quota"],
  ["linked_organization_spend_limit_reached", "quota"],
  ["linked_organization_billing_unavailable", "quota"],
  ["organization_on_hold", "credential"],
]);

/** Refusals that Anthropic tells apart by their wording alone: all of them are an invalid_request_error, or an api_error in a stream. */
const failureOfText: readonly [RegExp, ProviderFailure][] = [
  [/^prompt is too long|exceed context limit/i, "context_length"],
  [/blocked by content filtering policy/i, "content_policy"],
  [/^you have reached your specified (?:workspace )?API usage limits|credit balance is too low/i, "quota"],
];

const failureOfType: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["invalid_request_error", "invalid_request"],
  ["request_too_large", "invalid_request"],
  ["authentication_error", "credential"],
  ["billing_error", "quota"],
  ["permission_error", "permission"],
  // No such model, or not for this key.
  ["not_found_error", "permission"],
  ["rate_limit_error", "rate_limited"],
  ["overloaded_error", "unavailable"],
  ["timeout_error", "unavailable"],
  ["api_error", "unavailable"],
]);

/**
 * What an error of Anthropic's means: by its code, then its wording where nothing else tells, then its type.
 * @returns undefined for an error that says none of it
 */
export function failureOf(error: WireError | undefined): ProviderFailure | undefined {
  const { type, message, details } = error ?? {};
  const failure = failureOfCode.get(details?.error_code);
  if (failure !== undefined) return failure;
  const isWorded = type === "invalid_request_error" || type === "api_error";
  const worded = isWorded && failureOfText.find(([pattern]) => pattern.test(String(message)));
  return worded ? worded[1] : failureOfType.get(type);
}

/** What a bare status means, of a proxy in between for example. */
export function failureOfStatus(status: number): ProviderFailure {
  if (status === 401) return "credential";
  if (status === 402) return "quota";
  if (status === 403 || status === 404) return "permission";
  if (status === 429) return "rate_limited";
  if (status === 400 || status === 413 || status === 422) return "invalid_request";
  return "unavailable";
}

/**
 * An error's type, code and message for the log: no more of it than fits a line, because providers repeat what they were sent, and
 * without the key, which they echo and which need not look like one.
 */
export function describeError(error: WireError | undefined, key: Secret): string {
  const { type, message, details } = error ?? {};
  return [type, details?.error_code, message]
    .filter(isText)
    .map((text) => text.replaceAll(key.reveal(), String(key)).slice(0, 200))
    .join(" ");
}
