import type { Secret } from "../domain/secret.ts";
import { countOf, isTokenCount, type PartialUsage, type Usage } from "../domain/usage.ts";
import { createContent, type WireBlock } from "./anthropic-content.ts";
import { describe, failureOf, type WireError } from "./anthropic-error.ts";
import { ProviderError, type ProviderEvent } from "./provider.ts";
import { maxAnswerBytes, readText } from "./read-text.ts";
import { readSseData } from "./sse-data.ts";
import { isGarbledObject, isText, parseJson } from "./untrusted.ts";

// What Anthropic sends, as far as it is read. Everything may be missing: it comes from outside.

interface WireUsage {
  input_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
  cache_read_input_tokens?: unknown;
  output_tokens?: unknown;
  output_tokens_details?: { thinking_tokens?: unknown } | null;
}

interface WireEvent {
  type?: unknown;
  index?: unknown;
  message?: { usage?: WireUsage | null } | null;
  content_block?: WireBlock | null;
  delta?: (WireBlock & { stop_reason?: unknown }) | null;
  usage?: WireUsage | null;
  error?: WireError;
}

interface WireMessage {
  content?: (WireBlock | null)[] | null;
  stop_reason?: unknown;
  usage?: WireUsage | null;
  error?: WireError;
}

/**
 * Reads a streamed answer.
 * @throws ProviderError interrupted, where it breaks off before Anthropic says why it stopped, with what was told of the usage; what an
 * error in the stream says, where it comes before any content
 */
export async function* readStream(response: Response, key: Secret): AsyncGenerator<ProviderEvent[]> {
  const content = createContent();
  let told: WireUsage = {};
  let stopReason: string | undefined;
  let hasContent = false;
  try {
    if (response.body === null) throw new Error("the answer has no body");
    for await (const payloads of readSseData(response.body, () => stopReason !== undefined)) {
      const events: ProviderEvent[] = [];
      let isOver = false;
      let failure: ProviderError | undefined;
      for (const payload of payloads) {
        // A line that is not JSON is skipped: one garbled event must not cost the whole answer.
        const parsed: WireEvent | undefined = parseJson(payload);
        if (parsed === undefined && stopReason === undefined && isGarbledObject(payload)) content.lose();
        const event = parsed ?? {};
        if (event.type === "content_block_start")
          events.push(...content.begin(event.index, event.content_block));
        else if (event.type === "content_block_delta") events.push(...content.add(event.index, event.delta));
        // Its output_tokens are those of the first words: no count of the answer.
        else if (event.type === "message_start") told = { ...event.message?.usage, output_tokens: undefined };
        else if (event.type === "message_delta") {
          told = supersede(told, event.usage);
          if (isText(event.delta?.stop_reason)) stopReason = event.delta.stop_reason;
        } else if (event.type === "error") {
          const isBegun = hasContent || events.length > 0;
          failure = errorInAnswer(event.error, isBegun, key);
        }
        // Nobody waits for the message_stop: what it would say is known.
        isOver = event.type === "message_stop" || (stopReason !== undefined && readUsage(told) !== null);
        if (isOver || failure !== undefined) break;
      }
      hasContent ||= events.length > 0;
      if (events.length > 0) yield events;
      if (failure !== undefined) throw failure;
      if (isOver) break;
    }
  } catch (error) {
    // What comes after the stop reason can break nothing.
    if (stopReason === undefined) throwInterrupted(error, told);
  }
  yield finish(content, stopReason, told);
}

/**
 * Reads an answer that came whole.
 * @throws ProviderError interrupted, where its body breaks off; what an error says that it holds instead
 */
export async function readAnswer(response: Response, key: Secret): Promise<ProviderEvent[]> {
  const text = await readText(response, maxAnswerBytes).catch((error) => throwInterrupted(error, {}));
  // Not response.json(): what it throws quotes the answer, and goes to the log.
  const answer: WireMessage | undefined = parseJson(text);
  if (answer?.error) throw errorInAnswer(answer.error, false, key);
  const content = createContent();
  const blocks = Array.isArray(answer?.content) ? answer.content : [];
  const events = blocks.flatMap((block, index) => content.begin(index, block));
  const stopReason = isText(answer?.stop_reason) ? answer.stop_reason : undefined;
  return [...events, ...finish(content, stopReason, answer?.usage ?? {})];
}

/** An error that came with the status of a success. Where some of the answer has come, it is lost, whatever the error says. */
function errorInAnswer(error: WireError | undefined, isBegun: boolean, key: Secret): ProviderError {
  const failure = failureOf(error) ?? "unavailable";
  return new ProviderError(
    isBegun ? "interrupted" : failure,
    `in the answer: ${describe(error, failure, key)}`,
  );
}

function finish(
  content: ReturnType<typeof createContent>,
  stopReason: string | undefined,
  told: WireUsage,
): ProviderEvent[] {
  try {
    if (stopReason === undefined) throw new Error("the answer ended without a stop_reason");
    const { rest, finish } = content.end(stopReason);
    return [...rest, { ...finish, usage: readUsage(told) }];
  } catch (error) {
    throwInterrupted(error, told);
  }
}

/** Counts of later events replace the earlier ones, where there are any. */
function supersede(told: WireUsage, later: WireUsage | null | undefined): WireUsage {
  const counts = Object.entries(later ?? {}).filter(([, count]) => count !== null);
  return { ...told, ...Object.fromEntries(counts) };
}

/** Null where the totals are no counts: the ledger would refuse them, and the charge would be lost instead of estimated. */
function readUsage(told: WireUsage): Usage | null {
  const usage = readPartialUsage(told);
  return usage && usage.outputTokens !== null ? { ...usage, outputTokens: usage.outputTokens } : null;
}

/** `input_tokens` are those that the cache has nothing to do with: Anthropic's counts do not overlap, like ours. */
function readPartialUsage(told: WireUsage): PartialUsage | undefined {
  const { input_tokens: inputTokens, output_tokens: output } = told;
  if (!isTokenCount(inputTokens)) return undefined;
  const outputTokens = isTokenCount(output) ? output : null;
  return {
    inputTokens,
    cacheReadTokens: countOf(told.cache_read_input_tokens),
    cacheWriteTokens: countOf(told.cache_creation_input_tokens),
    outputTokens,
    reasoningTokens: Math.min(outputTokens ?? 0, countOf(told.output_tokens_details?.thinking_tokens)),
  };
}

function throwInterrupted(error: unknown, told: WireUsage): never {
  const usage = readPartialUsage(told);
  if (error instanceof ProviderError) throw new ProviderError(error.failure, error.message, { usage });
  const message = error instanceof Error ? error.message : "the connection broke";
  throw new ProviderError("interrupted", message, { usage, cause: error });
}
