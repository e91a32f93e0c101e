import type { Secret } from "../domain/secret.ts";
import type { Usage } from "../domain/usage.ts";
import type { Thoughts, WireThoughts } from "./openai-continuation.ts";
import { errorInAnswer, findError, type MaybeError } from "./openai-errors.ts";
import { createToolCalls, type ToolCalls } from "./openai-tool-calls.ts";
import { readUsage, type WireUsage } from "./openai-usage.ts";
import { ProviderError, type ProviderEvent } from "./provider.ts";
import { maxAnswerBytes, readText } from "./read-text.ts";
import { readSseData } from "./sse-data.ts";
import { isGarbledObject, isObject, isText, parseJson } from "./untrusted.ts";

// What OpenAI and others send in its format, as far as it is read. Everything may be missing: it comes from outside.

interface WireText extends WireThoughts {
  /** Mistral's reasoning models send parts. */
  content?: unknown;
  refusal?: unknown;
  /** OpenRouter and Groq; DeepSeek and xAI say `reasoning_content`. */
  reasoning?: unknown;
  tool_calls?: unknown;
}

interface WirePart {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
}

interface WireCompletion extends MaybeError {
  id?: unknown;
  choices?: ({ delta?: WireText; message?: WireText; finish_reason?: unknown } & MaybeError)[];
  usage?: WireUsage | null;
}

/** Whose answer is read. */
export interface Reading {
  /** Kept out of errors. */
  key: Secret;
  /** Null where the provider wants nothing back with the results of tools. */
  thoughts: Thoughts | null;
}

/**
 * Reads a streamed answer.
 * @throws ProviderError interrupted, where it breaks off before the provider says that it has finished; where it breaks off before it has
 * begun, what the provider says is the reason
 */
export async function* readStream(
  response: Response,
  { key, thoughts }: Reading,
): AsyncGenerator<ProviderEvent[]> {
  if (response.body === null) throw new ProviderError("interrupted", "the answer has no body");
  const toolCalls = createToolCalls();
  let isBegun = false;
  let reason: string | undefined;
  let usage: Usage | null = null;
  let isGarbled = false;
  try {
    for await (const payloads of readSseData(response.body, () => reason !== undefined)) {
      const events: ProviderEvent[] = [];
      let isOver = false;
      let failure: ProviderError | undefined;
      for (const payload of payloads) {
        isOver = payload === "[DONE]";
        if (isOver) break;
        // A line that is not JSON is skipped: one garbled chunk must not cost the whole answer.
        const chunk: WireCompletion | undefined = parseJson(payload);
        isGarbled ||= chunk === undefined && reason === undefined && isGarbledObject(payload);
        if (chunk?.usage) usage = readUsage(chunk.usage) ?? usage;
        const choice = chunk?.choices?.[0];
        const error = findError(chunk) ?? findBreak(choice?.finish_reason);
        if (error !== undefined) {
          failure = errorInAnswer(error, { isBegun: isBegun || events.length > 0, usage, key });
          break;
        }
        const delta = choice?.delta;
        if (delta) {
          pushTexts(events, delta);
          if (delta.tool_calls) toolCalls.push(events, delta.tool_calls, chunk?.id);
          thoughts?.add(delta);
        }
        // Behind the finish the usage is the last before [DONE]; beside it, as Mistral has it, it may be a count so far.
        if (chunk?.usage && reason !== undefined) isOver = true;
        if (isText(choice?.finish_reason)) reason = choice.finish_reason;
      }
      isBegun ||= events.length > 0;
      if (events.length > 0) yield events;
      if (failure !== undefined) throw failure;
      // Whether the provider says or does more is its affair: nobody waits for it.
      if (isOver) break;
    }
  } catch (error) {
    // What comes after the finish can break nothing.
    if (reason === undefined) throw toInterruption(error, usage);
  }
  // The end of the connection is the end of the answer only if the provider said that it has finished.
  if (reason === undefined) throw interruption("the stream ended without a finish_reason", usage);
  yield finish([], reason, { usage, thoughts, toolCalls, isGarbled });
}

/**
 * Reads an answer that came whole.
 * @throws ProviderError interrupted, where its body breaks off; where it holds an error instead, what that says
 */
export async function readAnswer(response: Response, { key, thoughts }: Reading): Promise<ProviderEvent[]> {
  const text = await readText(response, maxAnswerBytes).catch((error: unknown) => {
    throw toInterruption(error, null);
  });
  // Not response.json(): what it throws quotes the answer, and goes to the log.
  const answer: WireCompletion | undefined = parseJson(text);
  if (answer === undefined) throw interruption("the answer is no JSON object", null);
  const usage = answer.usage ? readUsage(answer.usage) : null;
  const choice = answer.choices?.[0];
  const events: ProviderEvent[] = [];
  const toolCalls = createToolCalls();
  if (choice?.message) {
    pushTexts(events, choice.message);
    toolCalls.push(events, choice.message.tool_calls, answer.id);
    thoughts?.add(choice.message);
  }
  // OpenRouter has it beside the message.
  const error = findError(answer) ?? findError(choice) ?? findBreak(choice?.finish_reason);
  if (error !== undefined) throw errorInAnswer(error, { isBegun: events.length > 0, usage, key });
  if (!isText(choice?.finish_reason)) throw interruption("the answer has no finish_reason", usage);
  return finish(events, choice.finish_reason, { usage, thoughts, toolCalls, isGarbled: false });
}

/** What is known of an answer at its end. */
interface Ending {
  usage: Usage | null;
  thoughts: Thoughts | null;
  toolCalls: ToolCalls;
  /** Whether a piece of it could not be read. */
  isGarbled: boolean;
}

/** Adds the end of an answer to its last events. */
function finish(
  events: ProviderEvent[],
  wireReason: string,
  { usage, thoughts, toolCalls, isGarbled }: Ending,
): ProviderEvent[] {
  let hasCalls: boolean;
  try {
    hasCalls = toolCalls.finish(events) > 0;
  } catch (error) {
    throw toInterruption(error, usage);
  }
  // The calls were in a chunk that was garbled: an answer without them must not pass for a whole one.
  if (wireReason === "tool_calls" && !hasCalls)
    throw interruption("the answer has lost its tool calls", usage);
  if (hasCalls && isGarbled)
    throw interruption("a piece of the answer, which calls tools, is garbled", usage);
  const continuation = hasCalls ? thoughts?.finish() : undefined;
  const reason = readFinishReason(wireReason, hasCalls);
  events.push({ type: "finish", reason, usage, ...(continuation === undefined ? {} : { continuation }) });
  return events;
}

function pushTexts(
  events: ProviderEvent[],
  { reasoning_content, reasoning, content, refusal }: WireText,
): void {
  if (isText(reasoning_content)) events.push({ type: "reasoning", text: reasoning_content });
  else if (isText(reasoning)) events.push({ type: "reasoning", text: reasoning });
  if (isText(content)) events.push({ type: "text", text: content });
  else if (Array.isArray(content)) pushParts(events, content, "text");
  // A refusal is the model's answer: it is shown and paid for like any other.
  if (isText(refusal)) events.push({ type: "text", text: refusal });
}

/** Mistral: `{ type: "text", text }`, and `{ type: "thinking", thinking: [{ type: "text", text }] }`. */
function pushParts(events: ProviderEvent[], parts: unknown[], type: "text" | "reasoning"): void {
  for (const part of parts.filter(isObject) as WirePart[]) {
    if (part.type === "text" && isText(part.text)) events.push({ type, text: part.text });
    if (part.type === "thinking" && Array.isArray(part.thinking))
      pushParts(events, part.thinking, "reasoning");
  }
}

/** A finish that is none: OpenRouter's and Mistral's `error`, vLLM's `abort`, DeepSeek's lack of a server. */
function findBreak(finishReason: unknown): MaybeError | undefined {
  const isBreak =
    finishReason === "error" || finishReason === "abort" || finishReason === "insufficient_system_resource";
  return isBreak ? { type: `finish_reason ${finishReason}` } : undefined;
}

function readFinishReason(
  reason: string,
  hasCalls: boolean,
): "stop" | "length" | "content_filter" | "tool_calls" {
  // Mistral's model_length: the context is full.
  if (reason === "length" || reason === "model_length") return "length";
  if (reason === "content_filter") return reason;
  // Some services say "stop" also with calls.
  return hasCalls ? "tool_calls" : "stop";
}

function interruption(message: string, usage: Usage | null, cause?: unknown): ProviderError {
  return new ProviderError("interrupted", message, { usage: usage ?? undefined, cause });
}

function toInterruption(error: unknown, usage: Usage | null): ProviderError {
  if (error instanceof ProviderError) return error;
  return interruption("the connection broke in the middle of the answer", usage, error);
}
