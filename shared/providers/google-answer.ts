import type { PartialUsage, Usage } from "../domain/usage.ts";
import { countOf, isTokenCount } from "../domain/usage.ts";
import { isSignature, packSignatures } from "./google-continuation.ts";
import { readFailure } from "./google-failure.ts";
import { isRecord, parseAnswer, type WireAnswer, type WirePart, type WireUsage } from "./google-wire.ts";
import { ProviderError, type ProviderEvent, type ProviderRequest } from "./provider.ts";
import { maxAnswerBytes, readText } from "./read-text.ts";
import { readSseData } from "./sse-data.ts";
import { isGarbledObject, isText } from "./untrusted.ts";

type Finish = Extract<ProviderEvent, { type: "finish" }>;

/**
 * Reads a streamed answer.
 * @throws ProviderError interrupted, where it breaks off before Gemini says that it has finished; content_policy for a prompt that it
 * blocks without a bill; why it failed, for an error before anything of the answer
 */
export async function* readStream(
  response: Response,
  request: ProviderRequest,
): AsyncGenerator<ProviderEvent[]> {
  const reader = createReader(request);
  if (response.body === null) throw reader.interruption("the answer has no body");
  try {
    for await (const payloads of readSseData(response.body, reader.isFinished)) {
      const events: ProviderEvent[] = [];
      let failure: ProviderError | undefined;
      for (const payload of payloads) {
        // A line that is not JSON is skipped: one garbled chunk must not cost the whole answer.
        const chunk = parseAnswer(payload);
        if (chunk === undefined) {
          if (isGarbledObject(payload)) reader.lose();
          continue;
        }
        failure = reader.failureIn(chunk);
        if (failure !== undefined) break;
        reader.add(chunk, events);
      }
      if (events.length > 0) yield events;
      if (failure !== undefined) throw failure;
    }
  } catch (error) {
    // What comes after the finish can break nothing.
    if (!reader.isFinished()) {
      if (error instanceof ProviderError) throw error;
      throw reader.interruption("the connection broke in the middle of the answer", error);
    }
  }
  // Gemini has no end mark: it says that it has finished, and then closes the connection.
  yield [reader.finish()];
}

/**
 * Reads an answer that came whole.
 * @throws ProviderError as readStream does
 */
export async function readAnswer(response: Response, request: ProviderRequest): Promise<ProviderEvent[]> {
  const reader = createReader(request);
  const body = await readText(response, maxAnswerBytes).catch((error: unknown) => {
    throw reader.interruption("the connection broke in the middle of the answer", error);
  });
  const answer = parseAnswer(body);
  if (answer === undefined) throw reader.interruption("the answer is no JSON object");
  const failure = reader.failureIn(answer);
  if (failure !== undefined) throw failure;
  const events: ProviderEvent[] = [];
  reader.add(answer, events);
  events.push(reader.finish());
  return events;
}

/** What `finishReason` means. Every other one is an answer that went wrong, such as a function call that is none. */
const finishReasons: ReadonlyMap<unknown, Finish["reason"]> = new Map([
  ["STOP", "stop"],
  ["MAX_TOKENS", "length"],
  // One request's own limit: the answer could be continued by another.
  ["CONTINUATION", "length"],
  ["SAFETY", "content_filter"],
  ["RECITATION", "content_filter"],
  ["LANGUAGE", "content_filter"],
  ["BLOCKLIST", "content_filter"],
  ["PROHIBITED_CONTENT", "content_filter"],
  ["SPII", "content_filter"],
  ["IMAGE_SAFETY", "content_filter"],
  ["IMAGE_PROHIBITED_CONTENT", "content_filter"],
  ["IMAGE_RECITATION", "content_filter"],
]);

/** What ToolCall allows. UTF-16 units. */
const maxIdLength = 200;

/** Reads the pieces of one answer, of which there may be only one. */
function createReader({ upstreamModel, messages, options, credential }: ProviderRequest) {
  let finishReason: string | undefined;
  let blockReason: string | undefined;
  let usage: Usage | null = null;
  let isOutputTold = false;
  let hasContent = false;
  let isCallLost = false;
  /** Of each call of the answer, by its index. */
  const signatures: (string | null)[] = [];
  /** Ids of the conversation's calls, where one of them is asked for: most answers have no call. */
  let takenIds: Set<string> | undefined;
  const ownIds = new Set<string>();

  function add(
    { candidates, promptFeedback, usageMetadata, responseId }: WireAnswer,
    events: ProviderEvent[],
  ): void {
    const candidate = candidates?.[0];
    const parts: unknown = candidate?.content?.parts;
    if (Array.isArray(parts)) for (const part of parts) if (part) addPart(part, responseId, events);
    if (isText(candidate?.finishReason)) finishReason = candidate.finishReason;
    if (isText(promptFeedback?.blockReason)) blockReason = promptFeedback.blockReason;
    const told = usageMetadata ? readUsage(usageMetadata) : null;
    if (told !== null) {
      usage = told;
      isOutputTold = isTokenCount(usageMetadata?.candidatesTokenCount);
    }
    hasContent ||= events.length > 0;
  }

  function addPart(part: WirePart, responseId: unknown, events: ProviderEvent[]): void {
    if (isText(part.text))
      events.push({ type: part.thought === true ? "reasoning" : "text", text: part.text });
    const call = part.functionCall;
    if (!call) return;
    if (!isText(call.name)) {
      isCallLost = true;
      return;
    }
    // An id is one call's: with the same one it is the same call once more.
    if (isText(call.id) && ownIds.has(call.id)) return;
    const id = isText(call.id) && call.id.length <= maxIdLength ? call.id : makeId(responseId);
    ownIds.add(id);
    const index = signatures.push(isSignature(part.thoughtSignature) ? part.thoughtSignature : null) - 1;
    const args = isRecord(call.args) ? call.args : {};
    events.push({ type: "tool_call", index, id, name: call.name, arguments: JSON.stringify(args) });
  }

  /** An id for a call to which Gemini gave none. No other call of the conversation has it. */
  function makeId(responseId: unknown): string {
    takenIds ??= new Set(
      messages.flatMap((message) =>
        message.role === "assistant" ? (message.toolCalls?.map(({ id }) => id) ?? []) : [],
      ),
    );
    const prefix = isText(responseId) && /^[\w-]{1,100}$/.test(responseId) ? `call_${responseId}` : "call";
    let number = 0;
    while (takenIds.has(`${prefix}_${number}`) || ownIds.has(`${prefix}_${number}`)) number++;
    return `${prefix}_${number}`;
  }

  /** What was told before an answer broke off. The output is unknown while it grows without a count: it is then estimated. */
  function usageSoFar(): PartialUsage | undefined {
    if (usage === null) return undefined;
    return { ...usage, outputTokens: isOutputTold ? usage.outputTokens : null };
  }

  function interruption(message: string, cause?: unknown): ProviderError {
    return new ProviderError("interrupted", message, { usage: usageSoFar(), cause });
  }

  return {
    add,
    interruption,

    /** A piece could not be read. A call is a piece of its own, and nothing else would tell that there was one. */
    lose() {
      if (finishReason === undefined && options.tools !== undefined) isCallLost = true;
    },

    isFinished: () => finishReason !== undefined || blockReason !== undefined,

    /** The failure that a piece tells of in place of an answer. */
    failureIn({ error }: WireAnswer): ProviderError | undefined {
      if (!error) return undefined;
      const { failure, message, retryAfterMs } = readFailure(error, undefined, credential.key);
      if (hasContent) return interruption(`in the stream: ${message}`);
      return new ProviderError(failure, `instead of an answer: ${message}`, {
        retryAfterMs,
        usage: usageSoFar(),
      });
    },

    /** @throws ProviderError where the answer has no end, or one that makes it worthless */
    finish(): Finish {
      if (finishReason === undefined) {
        if (blockReason === undefined) throw interruption("the answer ended without a finishReason");
        // Where Gemini counted the prompt it bills it: then the refusal is the answer.
        if (usage === null)
          throw new ProviderError("content_policy", `the prompt is blocked: ${blockReason.slice(0, 200)}`);
        return { type: "finish", reason: "content_filter", usage };
      }
      if (isCallLost) throw interruption("a tool call of the answer was lost on the way");
      const reason = finishReasons.get(finishReason);
      if (reason === undefined)
        throw new ProviderError("interrupted", `the answer ended with ${finishReason.slice(0, 200)}`, {
          usage: usage ?? undefined,
        });
      if (signatures.length === 0) return { type: "finish", reason, usage };
      const continuation = packSignatures(upstreamModel, signatures);
      return {
        type: "finish",
        reason: reason === "stop" ? "tool_calls" : reason,
        usage,
        ...(continuation === undefined ? {} : { continuation }),
      };
    },
  };
}

/**
 * `promptTokenCount` includes what the cache served, and neither what tools of Google's own put into the prompt nor thoughts, which are
 * billed as output; our buckets do not overlap. A count of 0 is left out on the wire. Null where the totals are no counts.
 */
function readUsage(told: WireUsage): Usage | null {
  const { promptTokenCount: prompt, candidatesTokenCount } = told;
  const candidates = candidatesTokenCount ?? 0;
  if (!isTokenCount(prompt) || !isTokenCount(candidates)) return null;
  const cacheReadTokens = Math.min(prompt, countOf(told.cachedContentTokenCount));
  const reasoningTokens = countOf(told.thoughtsTokenCount);
  const inputTokens = prompt - cacheReadTokens + countOf(told.toolUsePromptTokenCount);
  const outputTokens = candidates + reasoningTokens;
  if (!isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return null;
  return { inputTokens, cacheReadTokens, cacheWriteTokens: 0, outputTokens, reasoningTokens };
}
