import type { Secret } from "../domain/secret.ts";
import type { Usage } from "../domain/usage.ts";
import { ProviderError, type ProviderFailure } from "./provider.ts";
import { describeError, failureOfStatus, readRefusalBody, readRetryAfterMs } from "./refusal.ts";
import { isText } from "./untrusted.ts";

/** What stands in an error, as far as it is read. Everything may be missing or of another type: it comes from outside. */
export interface WireError {
  message?: unknown;
  type?: unknown;
  code?: unknown;
  /** The field of the request that is at fault. */
  param?: unknown;
  /** OpenRouter's: the class of the error, and why moderation flagged a prompt. */
  metadata?: { error_type?: unknown; reasons?: unknown } | null;
}

/** An answer or a chunk of one, which may be an error instead. */
export interface MaybeError extends WireError {
  error?: WireError | string | null;
  object?: unknown;
}

/**
 * The error in a body; undefined where there is none. OpenAI has it in `error`, xAI has a text there with the code beside it, Mistral and
 * older versions of vLLM are an error as a whole.
 */
export function findError(body: MaybeError | undefined): WireError | undefined {
  if (body?.error)
    return typeof body.error === "string" ? { message: body.error, code: body.code } : body.error;
  return body?.object === "error" || body?.object === "Error" ? body : undefined;
}

/** Why a provider did not begin to answer. */
export async function readRefusal(response: Response, key: Secret): Promise<ProviderError> {
  const { status, headers } = response;
  const body: MaybeError | undefined = await readRefusalBody(response);
  const error = findError(body) ?? body ?? {};
  const retryAfterMs = readRetryAfterMs(headers);
  let failure = failureOf(error, status);
  // OpenRouter's sign that only the calls in flight use the balance up.
  if (status === 402 && retryAfterMs !== undefined) failure = "rate_limited";
  return new ProviderError(failure, `${status} ${describe(error, failure, key)}`, { retryAfterMs });
}

/** Why an answer broke off, and what is known of it. */
interface Break {
  /** Whether some of the answer has come: then it is lost, whatever the error says. */
  isBegun: boolean;
  usage: Usage | null;
  key: Secret;
}

/** The error that a provider sent within its answer, where OpenRouter says the status it would have had in its code. */
export function errorInAnswer(error: WireError, { isBegun, usage, key }: Break): ProviderError {
  const status = typeof error.code === "number" ? error.code : 500;
  const failure = isBegun ? "interrupted" : failureOf(error, status);
  // What a provider calls the fault of a request it may quote, whatever follows from it for the answer.
  const subject = failureOf(error, error.type === "invalid_request_error" ? 400 : status);
  return new ProviderError(failure, `in the answer: ${describe(error, subject, key)}`, {
    usage: usage ?? undefined,
  });
}

function describe({ type, code, param, message }: WireError, failure: ProviderFailure, key: Secret): string {
  return describeError({ names: [type, code, param], message }, failure, key);
}

/** Branches on what is documented as stable: the code, OpenRouter's class and the type; then the status; then known words. */
function failureOf(error: WireError, status: number): ProviderFailure {
  return (
    failureOfExactWords(error.message, status) ??
    failureOfCode.get(error.code) ??
    failureOfErrorType.get(error.metadata?.error_type) ??
    failureOfCode.get(error.type) ??
    failureOfMessage(error.message, status) ??
    (status === 403 && Array.isArray(error.metadata?.reasons) ? "content_policy" : failureOfStatus(status))
  );
}

const failureOfCode: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["context_length_exceeded", "context_length"],
  // llama.cpp
  ["exceed_context_size_error", "context_length"],
  ["content_policy_violation", "content_policy"],
  ["content_filter", "content_policy"],
  // OpenAI's reasoning models: "your prompt was flagged".
  ["invalid_prompt", "content_policy"],
  ["invalid_api_key", "credential"],
  ["model_not_found", "permission"],
  // Groq
  ["model_decommissioned", "permission"],
  // Mistral, with the status 400
  ["invalid_model", "permission"],
  ["insufficient_quota", "quota"],
  ["credit_balance_exhausted", "quota"],
  ["billing_hard_limit_reached", "quota"],
  ["billing_not_active", "quota"],
  ["rate_limit_exceeded", "rate_limited"],
  ["server_is_overloaded", "unavailable"],
]);

/** OpenRouter's `ApiErrorType`; those that are not here follow their status. */
const failureOfErrorType: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["context_length_exceeded", "context_length"],
  ["content_policy_violation", "content_policy"],
  ["refusal", "content_policy"],
  ["authentication", "credential"],
  ["permission_denied", "permission"],
  ["not_found", "permission"],
  ["payment_required", "quota"],
  // A cap on what the key may spend.
  ["token_limit_exceeded", "quota"],
  ["rate_limit_exceeded", "rate_limited"],
  ["provider_overloaded", "unavailable"],
  ["provider_unavailable", "unavailable"],
  ["timeout", "unavailable"],
  ["server", "unavailable"],
]);

/**
 * OpenAI's words where its code would mislead: a request that is larger than a minute's tokens never fits, however long one waits, and a
 * key that was given fewer rights is not a wrong one.
 */
function failureOfExactWords(message: unknown, status: number): ProviderFailure | undefined {
  if (!isText(message)) return undefined;
  if (status === 429 && /^request too large/i.test(message)) return "permission";
  return status === 401 && /\bmissing scopes\b/i.test(message) ? "permission" : undefined;
}

/** What some services say in words alone, about a request (400, 403, 413, 422). */
const failureOfWords: readonly [words: RegExp, failure: ProviderFailure][] = [
  // DeepSeek, vLLM, OpenRouter: "maximum context length"; xAI: "maximum prompt length".
  [/maximum (?:context|prompt) length/i, "context_length"],
  // xAI's documentation: a wrong key is a bad request.
  [/^incorrect api key provided/i, "credential"],
  // xAI, DeepSeek
  [/^content violates usage guidelines|^content exists risk/i, "content_policy"],
];

function failureOfMessage(message: unknown, status: number): ProviderFailure | undefined {
  if (!isText(message) || ![400, 403, 413, 422].includes(status)) return undefined;
  return failureOfWords.find(([words]) => words.test(message))?.[1];
}
