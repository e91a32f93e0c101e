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

/** OpenAI's chat completions. The SDK builds the request and types errors; the answer is read here. */
export function createOpenAIProvider({ baseUrl, fetch }: OpenAIProviderOptions): Provider {
  const clients = new WeakMap<Credential, Promise<OpenAI>>();

  function clientFor(credential: Credential): Promise<OpenAI> {
    let client = clients.get(credential);
    if (client === undefined) {
      client = import("openai").then(
        // The gateway decides about retries and time; retries of the SDK's own would be invisible to billing.
        ({ OpenAI }) =>
          new OpenAI({
            apiKey: credential.key.reveal(),
            baseURL: baseUrl,
            fetch,
            maxRetries: 0,
            timeout: 600_000,
          }),
      );
      clients.set(credential, client);
    }
    return client;
  }

  return {
    async *chat(request) {
      const response = await call(await clientFor(request.credential), request);
      if (request.stream) yield* readStream(response);
      else yield readAnswer(await response.json().catch(throwInterrupted));
    },
  };
}

async function call(client: OpenAI, request: ProviderRequest): Promise<Response> {
  try {
    return await client.chat.completions.create(buildBody(request), { signal: request.signal }).asResponse();
  } catch (error) {
    throw toProviderError(error);
  }
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
  try {
    for await (const payloads of readSseData(response.body)) {
      const events: ProviderEvent[] = [];
      for (const payload of payloads) {
        if (payload === "[DONE]") break;
        const chunk = parseChunk(payload);
        if (chunk === undefined) continue;
        if (chunk.error)
          throw new ProviderError("interrupted", `in the stream: ${chunk.error.message ?? chunk.error.code}`);
        const choice = chunk.choices?.[0];
        if (choice?.delta) pushTexts(events, choice.delta);
        if (choice?.finish_reason) reason = choice.finish_reason;
        if (chunk.usage) usage = readUsage(chunk.usage);
      }
      if (events.length > 0) yield events;
    }
  } catch (error) {
    throwInterrupted(error);
  }
  // The end of the connection is the end of the answer only if the provider said that it has finished.
  if (reason === undefined)
    throw new ProviderError("interrupted", "the stream ended without a finish_reason");
  yield [{ type: "finish", reason: readFinishReason(reason), usage }];
}

/** A line that is not JSON is skipped: one garbled chunk must not cost the whole answer. */
function parseChunk(payload: string): WireCompletion | undefined {
  try {
    const chunk: unknown = JSON.parse(payload);
    return typeof chunk === "object" && chunk !== null ? chunk : undefined;
  } catch {
    return undefined;
  }
}

function readAnswer(answer: WireCompletion): ProviderEvent[] {
  const choice = answer.choices?.[0];
  if (!choice?.finish_reason) throw new ProviderError("interrupted", "the answer has no finish_reason");
  const events: ProviderEvent[] = [];
  if (choice.message) pushTexts(events, choice.message);
  const usage = answer.usage ? readUsage(answer.usage) : null;
  events.push({ type: "finish", reason: readFinishReason(choice.finish_reason), usage });
  return events;
}

function pushTexts(events: ProviderEvent[], { reasoning_content, content, refusal }: WireText): void {
  if (reasoning_content) events.push({ type: "reasoning", text: reasoning_content });
  if (content) events.push({ type: "text", text: content });
  // A refusal is the model's answer: it is shown and paid for like any other.
  if (refusal) events.push({ type: "text", text: refusal });
}

/** `prompt_tokens` includes what the cache served and stored; our buckets do not overlap. */
function readUsage(usage: WireUsage): Usage {
  const cacheReadTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const cacheWriteTokens = usage.prompt_tokens_details?.cache_write_tokens ?? 0;
  return {
    inputTokens: Math.max(0, (usage.prompt_tokens ?? 0) - cacheReadTokens - cacheWriteTokens),
    cacheReadTokens,
    cacheWriteTokens,
    outputTokens: usage.completion_tokens ?? 0,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
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

/** What the SDK threw before an answer began. Branches on the code, which is documented, before the status. */
function toProviderError(error: unknown): ProviderError {
  const { status, code, headers, message } = error as Partial<{
    status: number;
    code: string | null;
    headers: Headers;
    message: string;
  }>;
  const failure = (code && failureOfCode[code]) || failureOfStatus(status);
  return new ProviderError(failure, `${status ?? "no answer"} ${code ?? ""}: ${message}`, {
    retryAfterMs: readRetryAfterMs(headers),
    cause: error,
  });
}

const failureOfCode: Record<string, ProviderFailure> = {
  context_length_exceeded: "context_length",
  content_policy_violation: "content_policy",
  content_filter: "content_policy",
  invalid_api_key: "credential",
  insufficient_quota: "quota",
  credit_balance_exhausted: "quota",
  billing_hard_limit_reached: "quota",
  rate_limit_exceeded: "rate_limited",
};

function failureOfStatus(status: number | undefined): ProviderFailure {
  if (status === 401 || status === 403) return "credential";
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
