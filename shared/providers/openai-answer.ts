import type { Usage } from "../domain/usage.ts";
import { ProviderError, type ProviderEvent } from "./provider.ts";
import { readSseData } from "./sse-data.ts";

// What OpenAI sends, as far as it is read. Everything may be missing: it comes from outside.

interface WireUsage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: { cached_tokens?: number; cache_write_tokens?: number } | null;
  completion_tokens_details?: { reasoning_tokens?: number } | null;
}

interface WireText {
  content?: string | null;
  refusal?: string | null;
  /** Not OpenAI's own, but of services that speak its format. */
  reasoning_content?: string | null;
}

/** What stands in an error of OpenAI's shape. */
export interface WireError {
  message?: unknown;
  type?: unknown;
  code?: unknown;
}

interface WireCompletion {
  choices?: { delta?: WireText; message?: WireText; finish_reason?: string | null }[];
  usage?: WireUsage | null;
  error?: WireError;
}

/**
 * Reads a streamed answer.
 * @throws ProviderError interrupted, where it breaks off before the provider says that it has finished
 */
export async function* readStream(response: Response): AsyncGenerator<ProviderEvent[]> {
  if (response.body === null) throw new ProviderError("interrupted", "the answer has no body");
  let reason: string | undefined;
  let usage: Usage | null = null;
  try {
    for await (const payloads of readSseData(response.body)) {
      const events: ProviderEvent[] = [];
      let isOver = false;
      let failure: ProviderError | undefined;
      for (const payload of payloads) {
        isOver = payload === "[DONE]";
        if (isOver) break;
        // A line that is not JSON is skipped: one garbled chunk must not cost the whole answer.
        const chunk: WireCompletion | undefined = parseJson(payload);
        if (chunk?.error) {
          failure = new ProviderError("interrupted", `in the stream: ${describeError(chunk.error)}`);
          break;
        }
        const choice = chunk?.choices?.[0];
        if (choice?.delta) pushTexts(events, choice.delta);
        if (choice?.finish_reason) reason = choice.finish_reason;
        if (chunk?.usage) {
          usage = readUsage(chunk.usage) ?? usage;
          // OpenAI documents it as the last before [DONE]: usage alone, behind the finish.
          isOver = reason !== undefined && chunk.choices?.length === 0;
        }
      }
      if (events.length > 0) yield events;
      if (failure !== undefined) throw failure;
      // Whether the provider says or does more is its affair: nobody waits for it.
      if (isOver) break;
    }
  } catch (error) {
    // What comes after the finish can break nothing.
    if (reason === undefined) throwInterrupted(error);
  }
  // The end of the connection is the end of the answer only if the provider said that it has finished.
  if (reason === undefined)
    throw new ProviderError("interrupted", "the stream ended without a finish_reason");
  yield [{ type: "finish", reason: readFinishReason(reason), usage }];
}

/** The object in a text; undefined where there is none. */
export function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads an answer that came whole.
 * @throws ProviderError interrupted, where its body breaks off; unavailable, where it holds an error instead
 */
export async function readAnswer(response: Response): Promise<ProviderEvent[]> {
  const answer: WireCompletion | null = await response.json().catch(throwInterrupted);
  if (answer?.error)
    throw new ProviderError("unavailable", `instead of an answer: ${describeError(answer.error)}`);
  const choice = answer?.choices?.[0];
  if (!choice?.finish_reason) throw new ProviderError("interrupted", "the answer has no finish_reason");
  const events: ProviderEvent[] = [];
  if (choice.message) pushTexts(events, choice.message);
  const usage = answer?.usage ? readUsage(answer.usage) : null;
  events.push({ type: "finish", reason: readFinishReason(choice.finish_reason), usage });
  return events;
}

function pushTexts(events: ProviderEvent[], { reasoning_content, content, refusal }: WireText): void {
  if (isText(reasoning_content)) events.push({ type: "reasoning", text: reasoning_content });
  if (isText(content)) events.push({ type: "text", text: content });
  // A refusal is the model's answer: it is shown and paid for like any other.
  if (isText(refusal)) events.push({ type: "text", text: refusal });
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/**
 * `prompt_tokens` includes what the cache served and stored; our buckets do not overlap. Null where the totals are no counts:
 * the ledger would refuse them, and the charge would be lost instead of estimated.
 */
function readUsage(usage: WireUsage): Usage | null {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  if (!isCount(prompt) || !isCount(completion)) return null;
  const cacheReadTokens = countOf(usage.prompt_tokens_details?.cached_tokens);
  const cacheWriteTokens = countOf(usage.prompt_tokens_details?.cache_write_tokens);
  const reasoningTokens = countOf(usage.completion_tokens_details?.reasoning_tokens);
  return {
    inputTokens: Math.max(0, prompt - cacheReadTokens - cacheWriteTokens),
    cacheReadTokens,
    cacheWriteTokens,
    // xAI leaves the reasoning out of completion_tokens, though not out of the total, and bills it as output.
    outputTokens: Math.max(completion, countOf(usage.total_tokens) - prompt, reasoningTokens),
    reasoningTokens,
  };
}

/** More than any call can have: beyond it a number is a fault, and its cost would not fit into the ledger. */
const maxTokenCount = 1_000_000_000;

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxTokenCount;
}

function countOf(value: unknown): number {
  return isCount(value) ? value : 0;
}

function readFinishReason(reason: string): "stop" | "length" | "content_filter" {
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}

function throwInterrupted(error: unknown): never {
  if (error instanceof ProviderError) throw error;
  throw new ProviderError("interrupted", "the connection broke in the middle of the answer", {
    cause: error,
  });
}

/** An error's type, code and message for the log: no more of it than fits a line, because providers repeat what they were sent. */
export function describeError({ type, code, message }: WireError): string {
  return [type, code, message]
    .filter(isText)
    .map((text) => text.slice(0, 200))
    .join(" ");
}
