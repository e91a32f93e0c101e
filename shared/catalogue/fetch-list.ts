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
    return parse(await readBytes(response, maxBytes));
  } catch (error) {
    if (error instanceof FeedError) throw error;
    throw new FeedError(
      signal.aborted
        ? `The list could not be fetched: it was not complete after ${timeoutMs / 1000} s.`
        : "The list could not be fetched: the connection failed or broke off.",
      { cause: error },
    );
  }
}

/** The bytes of an answer, counted while they arrive. */
async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    // Leaving the loop cancels the body.
    if (size > maxBytes) throw new FeedError(`The list is larger than ${maxBytes / 1024 / 1024} MiB.`);
    parts.push(part);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FeedError("The list is not JSON.", { cause });
  }
}
