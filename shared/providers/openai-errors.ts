import type { Secret } from "../domain/secret.ts";
import type { Usage } from "../domain/usage.ts";
import { ProviderError, type ProviderFailure } from "./provider.ts";
import { isText, parseJson } from "./untrusted.ts";

/** What stands in an error, as far as it is read. Everything may be missing or of another type: it comes from outside. */
export interface WireError {
  message?: unknown;
  type?: unknown;
  code?: unknown;
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
  const body = parseJson(await response.text().catch(() => "")) as MaybeError | undefined;
  const error = findError(body) ?? body ?? {};
  const retryAfterMs = readRetryAfterMs(headers);
  let failure = failureOf(error, status);
  // OpenRouter's sign that only the calls in flight use the balance up.
  if (status === 402 && retryAfterMs !== undefined) failure = "rate_limited";
  return new ProviderError(failure, `${status} ${describeError(error, key)}`, { retryAfterMs });
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
  return new ProviderError(failure, `in the answer: ${describeError(error, key)}`, {
    usage: usage ?? undefined,
  });
}

/** Branches on what is documented as stable: the code, OpenRouter's class and the type; then the status; then known words. */
function failureOf(error: WireError, status: number): ProviderFailure {
  return (
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

function failureOfStatus(status: number): ProviderFailure {
  if (status === 401) return "credential";
  // 404: no such model, or no such address; neither is there the next time.
  if (status === 403 || status === 404) return "permission";
  // DeepSeek, OpenRouter: the key's balance is used up.
  if (status === 402) return "quota";
  if (status === 429) return "rate_limited";
  if (status === 400 || status === 413 || status === 422) return "invalid_request";
  return "unavailable";
}

/** `retry-after-ms` is OpenAI's own and finer; `Retry-After` in seconds is the standard. */
function readRetryAfterMs(headers: Headers): number | undefined {
  const ms = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (ms >= 0) return ms;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

/**
 * An error's type, code and message for the log: no more of it than fits a line, because providers repeat what they were sent, and
 * without the key, which they echo and which need not look like one.
 */
function describeError({ type, code, message }: WireError, key: Secret): string {
  return [type, typeof code === "number" ? String(code) : code, message]
    .filter(isText)
    .map((text) => text.replaceAll(key.reveal(), String(key)).slice(0, 200))
    .join(" ");
}
