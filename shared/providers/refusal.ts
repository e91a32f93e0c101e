import type { Secret } from "../domain/secret.ts";
import type { ProviderFailure } from "./provider.ts";
import { readText } from "./read-text.ts";
import { isText, parseJson } from "./untrusted.ts";

/** A refusal may repeat the request, which has at most 1 MiB. Of a longer one the status says all. */
const maxRefusalBytes = 2 * 1024 * 1024;

/** The JSON object or list that came with a refusal; undefined where there is none. */
export async function readRefusalBody(response: Response): Promise<object | undefined> {
  return parseJson(await readText(response, maxRefusalBytes).catch(() => ""));
}

/** What a bare HTTP status means, where nothing else tells. */
export function failureOfStatus(status: number): ProviderFailure {
  if (status === 401) return "credential";
  if (status === 402) return "quota";
  if (status === 429) return "rate_limited";
  if (status === 400 || status === 413 || status === 422) return "invalid_request";
  // A request that took too long, met another one or came too early: the next one may not.
  if (status === 408 || status === 409 || status === 425) return "unavailable";
  // No such model or address, or not for this key: neither is there the next time.
  return status >= 403 && status < 500 ? "permission" : "unavailable";
}

/** Nobody is told to wait for longer: what says so is a fault, and no number of the database. */
const longestWaitMs = 24 * 60 * 60 * 1000;

/** A number of milliseconds or, with `unitMs`, of longer units; undefined for a text that is none, such as a date. */
export function readWaitMs(text: string | null, unitMs = 1): number | undefined {
  if (text === null || !/^\d+(?:\.\d+)?$/.test(text)) return undefined;
  return Math.min(longestWaitMs, Math.ceil(Number(text) * unitMs));
}

/** How long headers ask to wait, in milliseconds: `retry-after-ms` is OpenAI's own and finer, `Retry-After` in seconds is the standard. */
export function readRetryAfterMs(headers: Headers): number | undefined {
  return readWaitMs(headers.get("retry-after-ms")) ?? readWaitMs(headers.get("retry-after"), 1000);
}

/** Failures that are about what the caller sent, of which the provider's message may hold a part. */
const quotingFailures: readonly ProviderFailure[] = ["invalid_request", "content_policy", "context_length"];

/** What an error says, for the log. */
interface Words {
  /** Its type, code and the like, as far as there are any. */
  names: unknown[];
  message: unknown;
}

/**
 * An error's words for the log: no more of each than fits a line, without the message where that may quote what a caller wrote, and
 * without the key, which providers echo and which need not look like one.
 */
export function describeError({ names, message }: Words, failure: ProviderFailure, key: Secret): string {
  return (
    [...names, quotingFailures.includes(failure) ? undefined : message]
      .map((word) => (typeof word === "number" ? String(word) : word))
      .filter(isText)
      // Before it is cut: half of a key is not recognised.
      .map((word) => word.replaceAll(key.reveal(), String(key)).slice(0, 200))
      .join(" ")
  );
}
