import { readText } from "../providers/read-text.ts";
import { FeedError } from "./feed.ts";

interface ListLimits {
  timeoutMs: number;
  maxBytes: number;
}

/** OpenRouter's list of 371 models has 430 kB. */
const usualLimits: ListLimits = { timeoutMs: 30_000, maxBytes: 16 * 1024 * 1024 };

/**
 * Fetches a public list of models, a JSON document, whole within its limits.
 * @throws FeedError that says what is wrong with the answer
 */
export async function fetchList(
  url: string,
  fetch: typeof globalThis.fetch,
  { timeoutMs, maxBytes } = usualLimits,
): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      headers: { accept: "application/json" },
      // Whoever answers with another address is not the one who was asked.
      redirect: "error",
      signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new FeedError(`The list could not be fetched: the provider answered ${response.status}.`);
    }
    return JSON.parse(await readText(response, maxBytes));
  } catch (error) {
    if (error instanceof FeedError) throw error;
    throw new FeedError(describe(error, signal.aborted, { timeoutMs, maxBytes }), { cause: error });
  }
}

function describe(error: unknown, isLate: boolean, { timeoutMs, maxBytes }: ListLimits): string {
  if (isLate) return `The list could not be fetched: it was not complete after ${timeoutMs / 1000} s.`;
  if (error instanceof RangeError) return `The list is larger than ${maxBytes / 1024 / 1024} MiB.`;
  if (error instanceof SyntaxError) return "The list is not JSON.";
  return "The list could not be fetched: the connection failed or broke off.";
}
