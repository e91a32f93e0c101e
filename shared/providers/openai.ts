import type { OpenAI } from "openai";
import type { Usage } from "../domain/usage.ts";
import {
  type Credential,
  type Provider,
  ProviderError,
  type ProviderEvent,
  type ProviderFailure,
  type ProviderRequest,
} from "./provider.ts";
import { readSseData } from "./sse-data.ts";

interface OpenAIProviderOptions {
  /** e.g. `https://api.openai.com/v1` */
  baseUrl: string;
  fetch: typeof fetch;
}

/** How one key calls OpenAI: all of a request that does not depend on the chat, and the class of its errors. */
interface Endpoint {
  url: string;
  headers: Record<string, string>;
  APIError: typeof OpenAI.APIError;
}

/**
 * OpenAI's chat completions. The SDK builds the request, carries the key and types errors; sending is left to `fetch` and the answer is
 * read here. The SDK's own sending adds retries that billing cannot see, and costs much of what a chat costs in JavaScript.
 */
export function createOpenAIProvider({ baseUrl, fetch }: OpenAIProviderOptions): Provider {
  const endpoints = new WeakMap<Credential, Promise<Endpoint>>();

  function endpointOf(credential: Credential): Promise<Endpoint> {
    let endpoint = endpoints.get(credential);
    if (endpoint === undefined) {
      endpoint = prepareEndpoint(credential);
      endpoints.set(credential, endpoint);
      // A failed import is tried again by the next chat.
      endpoint.catch(() => endpoints.delete(credential));
    }
    return endpoint;
  }

  async function prepareEndpoint(credential: Credential): Promise<Endpoint> {
    const { OpenAI } = await import("openai");
    const client = new OpenAI({ apiKey: credential.key.reveal(), baseURL: baseUrl, fetch });
    const { url, req } = await client.buildRequest({ method: "post", path: "/chat/completions", body: {} });
    return { url, headers: Object.fromEntries(req.headers), APIError: OpenAI.APIError };
  }

  async function call(request: ProviderRequest): Promise<Response> {
    const { url, headers, APIError } = await endpointOf(request.credential);
    const body = JSON.stringify(buildBody(request));
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal: request.signal });
      if (response.ok) return response;
      const text = await response.text();
      throw APIError.generate(response.status, parseJson(text), text, response.headers);
    } catch (error) {
      throw toProviderError(error, request.credential);
    }
  }

  return {
    async *chat(request) {
      const response = await call(request);
      if (request.stream) yield* readStream(response);
      else yield readAnswer(await response.json().catch(throwInterrupted));
    },
  };
}

function buildBody({
  upstreamModel,
  messages,
  maxOutputTokens,
  options,
  stream,
}: ProviderRequest): OpenAI.Chat.ChatCompletionCreateParams {
  return {
    model: upstreamModel,
    messages,
    // What reasoning models take, and other models too; max_tokens is the older name.
    max_completion_tokens: maxOutputTokens,
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(options.topP === undefined ? {} : { top_p: options.topP }),
    ...(options.stop === undefined ? {} : { stop: options.stop }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(stream ? { stream, stream_options: { include_usage: true, include_obfuscation: false } } : {}),
  };
}

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

interface WireCompletion {
  choices?: { delta?: WireText; message?: WireText; finish_reason?: string | null }[];
  usage?: WireUsage | null;
  error?: { message?: string; code?: string | null };
}

async function* readStream(response: Response): AsyncGenerator<ProviderEvent[]> {
  if (response.body === null) throw new ProviderError("interrupted", "the answer has no body");
  let reason: string | undefined;
  let usage: Usage | null = null;
  let failure: ProviderError | undefined;
  try {
    for await (const payloads of readSseData(response.body)) {
      const events: ProviderEvent[] = [];
      const end = payloads.indexOf("[DONE]");
      for (const payload of end === -1 ? payloads : payloads.slice(0, end)) {
        // A line that is not JSON is skipped: one garbled chunk must not cost the whole answer.
        const chunk: WireCompletion | undefined = parseJson(payload);
        if (chunk === undefined) continue;
        if (chunk.error) {
          failure = new ProviderError(
            "interrupted",
            `in the stream: ${chunk.error.message ?? chunk.error.code}`,
          );
          break;
        }
        const choice = chunk.choices?.[0];
        if (choice?.delta) pushTexts(events, choice.delta);
        if (choice?.finish_reason) reason = choice.finish_reason;
        if (chunk.usage) usage = readUsage(chunk.usage) ?? usage;
      }
      if (events.length > 0) yield events;
      if (failure !== undefined) throw failure;
      // Whether the provider closes the connection then is its affair: nobody waits for it.
      if (end !== -1) break;
    }
  } catch (error) {
    throwInterrupted(error);
  }
  // The end of the connection is the end of the answer only if the provider said that it has finished.
  if (reason === undefined)
    throw new ProviderError("interrupted", "the stream ended without a finish_reason");
  yield [{ type: "finish", reason: readFinishReason(reason), usage }];
}

/** The object in a text; undefined where there is none. */
function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(answer: WireCompletion | null): ProviderEvent[] {
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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
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

/** What was thrown before an answer began. Branches on the code, which is documented, before the status. */
function toProviderError(error: unknown, { key }: Credential): ProviderError {
  const { status, code, headers, message } = error as Partial<{
    status: number;
    code: string | null;
    headers: Headers;
    message: string;
  }>;
  const failure = failureOfCode.get(code) ?? failureOfStatus(status);
  // Providers echo keys, and not all keys look like one.
  const text = String(message).replaceAll(key.reveal(), String(key));
  return new ProviderError(failure, `${status ?? "no answer"} ${code ?? ""}: ${text}`, {
    retryAfterMs: readRetryAfterMs(headers),
    // An answer's error says nothing more than its message.
    ...(status === undefined ? { cause: error } : {}),
  });
}

const failureOfCode: ReadonlyMap<unknown, ProviderFailure> = new Map([
  ["context_length_exceeded", "context_length"],
  ["content_policy_violation", "content_policy"],
  ["content_filter", "content_policy"],
  ["invalid_api_key", "credential"],
  ["insufficient_quota", "quota"],
  ["credit_balance_exhausted", "quota"],
  ["billing_hard_limit_reached", "quota"],
  ["rate_limit_exceeded", "rate_limited"],
]);

function failureOfStatus(status: number | undefined): ProviderFailure {
  if (status === 401 || status === 403) return "credential";
  // DeepSeek, OpenRouter: the key's balance is used up.
  if (status === 402) return "quota";
  if (status === 429) return "rate_limited";
  if (status === 400 || status === 413 || status === 422) return "invalid_request";
  return "unavailable";
}

/** `retry-after-ms` is OpenAI's own and finer; `Retry-After` in seconds is the standard. */
function readRetryAfterMs(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  const seconds = Number(headers?.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
