import type { Secret } from "../domain/secret.ts";
import { readAnswer, readStream } from "./anthropic-answer.ts";
import { describe, failureOf, type WireError } from "./anthropic-error.ts";
import { buildBody, findLimitations } from "./anthropic-request.ts";
import { listModels } from "./list-models.ts";
import { getObject, post, rememberByCredential, writeBody } from "./post.ts";
import { type Credential, type Provider, ProviderError, type ProviderRequest } from "./provider.ts";
import { failureOfStatus, readRefusalBody, readRetryAfterMs } from "./refusal.ts";

interface AnthropicProviderOptions {
  /** e.g. `https://api.anthropic.com` */
  baseUrl: string;
  fetch: typeof fetch;
}

/** How one key calls Anthropic: all of a request that does not depend on the chat. */
interface Endpoint {
  url: string;
  headers: Record<string, string>;
}

/**
 * The SDK asks for 2026-10-21, which is this version without temperature, top_p and top_k (and without documents and citations in places
 * where we have none): models of up to Claude 4.6 still heed them, and callers may set them. All else that we send works in both.
 */
const apiVersion = "2023-06-01";

/** Of the SDK's headers those that say what is sent and by whom; it would add what it finds in its own environment variables. */
const headerPattern = /^(accept|anthropic-version|content-type|user-agent|x-api-key|x-stainless-.*)$/;

/**
 * Anthropic's Messages. The SDK builds the request and carries the key; sending is left to `fetch` and the answer is read here, for the
 * same reasons as in openai.ts.
 */
export function createAnthropicProvider({ baseUrl, fetch }: AnthropicProviderOptions): Provider {
  const endpointOf = rememberByCredential(prepareEndpoint);

  async function prepareEndpoint(credential: Credential): Promise<Endpoint> {
    const { Anthropic } = await import("@anthropic-ai/sdk");
    const apiKey = credential.key.reveal();
    const client = new Anthropic({ apiKey, baseURL: baseUrl, fetch });
    const building = client.buildRequest({
      method: "post",
      path: "/v1/messages",
      body: {},
      // x-api-key is the header of this version, and the one that services of Anthropic's protocol read; the SDK's own is for the next.
      headers: { "anthropic-version": apiVersion, "x-api-key": apiKey },
    });
    // What is thrown here is about the headers, and may show them.
    const { url, req } = await building.catch(() => {
      throw new ProviderError("credential", "the key cannot be sent: it has characters that no header takes");
    });
    const headers = [...req.headers].filter(([name]) => headerPattern.test(name));
    return { url, headers: Object.fromEntries(headers) };
  }

  async function send(request: ProviderRequest): Promise<Response> {
    const { credential, signal } = request;
    const body = writeBody(buildBody(request));
    return post({ ...(await endpointOf(credential)), body }, { fetch, credential, signal, readRefusal });
  }

  /** The address of messages, with what lies beside them in its place. */
  async function prepareList(credential: Credential, limit: number) {
    const { url, headers } = await endpointOf(credential);
    return { url: `${url.replace(/\/messages$/, "/models")}?limit=${limit}`, headers };
  }

  return {
    async *chat(request) {
      const response = await send(request);
      if (request.stream) yield* readStream(response, request.credential.key);
      else yield await readAnswer(response, request.credential.key);
    },
    async listModels({ credential, signal }) {
      const request = await prepareList(credential, 1000);
      return listModels(request, { fetch, credential, signal, readRefusal }, listFormat);
    },
    async checkKey({ credential, signal }) {
      await getObject(await prepareList(credential, 1), { fetch, credential, signal, readRefusal });
      return true;
    },
    findLimitations,
    embeddings: null,
  };
}

const listFormat = {
  list: "data",
  omitsEmpty: false,
  readId: ({ id }: Record<string, unknown>) => id,
  readContext: ({ max_input_tokens }: Record<string, unknown>) => max_input_tokens,
  readNext: ({ has_more, last_id }: Record<string, unknown>) =>
    has_more === true && typeof last_id === "string" ? { after_id: last_id } : undefined,
};

/** Why Anthropic did not begin to answer. */
async function readRefusal(response: Response, key: Secret): Promise<ProviderError> {
  const { status, headers } = response;
  const body: { error?: WireError } = (await readRefusalBody(response)) ?? {};
  const failure = failureOf(body.error) ?? failureOfStatus(status);
  return new ProviderError(failure, `${status} ${describe(body.error, failure, key)}`, {
    retryAfterMs: readRetryAfterMs(headers),
  });
}
