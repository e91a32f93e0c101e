import type { OpenAI } from "openai";
import { describeError, parseJson, readAnswer, readStream, type WireError } from "./openai-answer.ts";
import {
  type Credential,
  type Provider,
  ProviderError,
  type ProviderFailure,
  type ProviderRequest,
} from "./provider.ts";

interface OpenAIProviderOptions {
  /** e.g. `https://api.openai.com/v1` */
  baseUrl: string;
  fetch: typeof fetch;
}

/** How one key calls OpenAI: all of a request that does not depend on the chat. */
interface Endpoint {
  url: string;
  headers: Record<string, string>;
}

/** Of the SDK's headers those that say what is sent and by whom; it would add what it finds in its own environment variables. */
const headerPattern = /^(accept|authorization|content-type|user-agent|x-stainless-.*)$/;

/**
 * OpenAI's chat completions. The SDK builds the request and carries the key; sending is left to `fetch` and the answer is read here. The
 * SDK's own sending adds retries that billing cannot see and costs much of what a chat costs in JavaScript, and its errors hold
 * whole answers, which may repeat the prompt.
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
    const headers = [...req.headers].filter(([name]) => headerPattern.test(name));
    return { url, headers: Object.fromEntries(headers) };
  }

  async function call(request: ProviderRequest): Promise<Response> {
    const { url, headers } = await endpointOf(request.credential);
    const body = JSON.stringify(buildBody(request));
    let response: Response;
    try {
      // A redirect would carry the key elsewhere.
      response = await fetch(url, {
        method: "POST",
        headers,
        body,
        signal: request.signal,
        redirect: "error",
      });
    } catch (error) {
      throw new ProviderError("unavailable", "no answer", { cause: error });
    }
    if (response.ok) return response;
    throw await readRefusal(response, request.credential);
  }

  return {
    async *chat(request) {
      const response = await call(request);
      if (request.stream) yield* readStream(response);
      else yield await readAnswer(response);
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

/** Why a provider did not begin to answer. Branches on the code, which is documented, before the status. */
async function readRefusal(response: Response, { key }: Credential): Promise<ProviderError> {
  const { status, headers } = response;
  const body = parseJson(await response.text().catch(() => "")) as { error?: WireError } | undefined;
  const failure = failureOfCode.get(body?.error?.code) ?? failureOfStatus(status);
  // Providers echo keys, and not all keys look like one.
  const text = describeError(body?.error ?? {}).replaceAll(key.reveal(), String(key));
  return new ProviderError(failure, `${status} ${text}`, { retryAfterMs: readRetryAfterMs(headers) });
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

function failureOfStatus(status: number): ProviderFailure {
  if (status === 401 || status === 403) return "credential";
  // DeepSeek, OpenRouter: the key's balance is used up.
  if (status === 402) return "quota";
  if (status === 429) return "rate_limited";
  if (status === 400 || status === 413 || status === 422) return "invalid_request";
  return "unavailable";
}

/** `retry-after-ms` is OpenAI's own and finer; `Retry-After` in seconds is the standard. */
function readRetryAfterMs(headers: Headers): number | undefined {
  const ms = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
