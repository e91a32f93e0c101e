import type { Secret } from "../domain/secret.ts";
import type { ProviderFailure } from "./provider.ts";
import { describeError } from "./refusal.ts";

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
  [
    /^you have reached your specified (?:workspace )?API usage limits|^your credit balance is too low/i,
    "quota",
  ],
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

/** An error's words for the log: see refusal.ts. */
export function describe(error: WireError | undefined, failure: ProviderFailure, key: Secret): string {
  const { type, message, details } = error ?? {};
  return describeError({ names: [type, details?.error_code], message }, failure, key);
}
