import { listModels } from "./list-models.ts";
import { readAnswer, readStream } from "./openai-answer.ts";
import { createThoughts } from "./openai-continuation.ts";
import { type Dialect, openai } from "./openai-dialects.ts";
import { buildEmbeddingBody, readEmbeddings } from "./openai-embeddings.ts";
import { readRefusal } from "./openai-errors.ts";
import { buildChatBody, findLimitations } from "./openai-request.ts";
import { getObject, post, rememberByCredential, writeBody } from "./post.ts";
import { type Credential, type Provider, ProviderError, type ProviderRequest } from "./provider.ts";

interface OpenAIProviderOptions {
  /** e.g. `https://api.openai.com/v1` */
  baseUrl: string;
  fetch: typeof fetch;
  /** OpenAI's own where absent. */
  dialect?: Dialect;
}

type Path = "/chat/completions" | "/embeddings" | "/models" | "/key";

/** OpenAI tells no more than names; OpenRouter, Groq and vLLM have a word each for the context. */
const listFormat = {
  list: "data",
  omitsEmpty: false,
  readId: ({ id }: Record<string, unknown>) => id,
  readContext: ({ context_length, context_window, max_model_len }: Record<string, unknown>) =>
    context_length ?? context_window ?? max_model_len,
  readNext: () => undefined,
};

/** How one key calls a service: all of a request that does not depend on what is asked. */
interface Endpoint {
  urls: Record<Path, string>;
  headers: Record<string, string>;
}

/** Of the SDK's headers those that say what is sent and by whom; it would add what it finds in its own environment variables. */
const headerPattern = /^(accept|authorization|content-type|user-agent|x-stainless-.*)$/;

/**
 * OpenAI's chat completions and embeddings, and the services that speak the same. The SDK builds the request and carries the key;
 * sending is left to `fetch` and the answer is read here. The SDK's own sending adds retries that billing cannot see and costs much
 * of what a chat costs in JavaScript, and its errors hold whole answers, which may repeat the prompt.
 */
export function createOpenAIProvider({ baseUrl, fetch, dialect = openai }: OpenAIProviderOptions): Provider {
  const endpointOf = rememberByCredential(prepareEndpoint);

  async function prepareEndpoint(credential: Credential): Promise<Endpoint> {
    const { OpenAI } = await import("openai");
    const client = new OpenAI({ apiKey: credential.key.reveal(), baseURL: baseUrl, fetch });
    const build = (path: Path) => client.buildRequest({ method: "post", path, body: {} });
    // What is thrown here is about the headers, and may show them.
    const chat = await build("/chat/completions").catch(() => {
      throw new ProviderError("credential", "the key cannot be sent: it has characters that no header takes");
    });
    const [embeddings, models, key] = await Promise.all([
      build("/embeddings"),
      build("/models"),
      build("/key"),
    ]);
    const headers = [...chat.req.headers].filter(([name]) => headerPattern.test(name));
    return {
      urls: {
        "/chat/completions": chat.url,
        "/embeddings": embeddings.url,
        "/models": models.url,
        "/key": key.url,
      },
      headers: Object.fromEntries(headers),
    };
  }

  async function send(
    path: Path,
    body: object,
    { credential, signal }: Pick<ProviderRequest, "credential" | "signal">,
  ) {
    const { urls, headers } = await endpointOf(credential);
    const request = { url: urls[path], headers, body: writeBody(body) };
    return post(request, { fetch, credential, signal, readRefusal });
  }

  return {
    async *chat(request) {
      const response = await send("/chat/completions", buildChatBody(request, dialect), request);
      const hasTools = request.options.tools !== undefined;
      const thoughts = hasTools && dialect.thoughts !== null ? createThoughts(dialect.thoughts.member) : null;
      const reading = { key: request.credential.key, thoughts };
      if (request.stream) yield* readStream(response, reading);
      else yield await readAnswer(response, reading);
    },
    async listModels({ credential, signal }) {
      const { urls, headers } = await endpointOf(credential);
      const request = { url: urls["/models"], headers };
      return listModels(request, { fetch, credential, signal, readRefusal }, listFormat);
    },
    async checkKey({ credential, signal }) {
      if (dialect.keyPath === null) return false;
      const { urls, headers } = await endpointOf(credential);
      await getObject({ url: urls[dialect.keyPath], headers }, { fetch, credential, signal, readRefusal });
      return true;
    },
    findLimitations: (request) => findLimitations(request, dialect),
    embeddings:
      dialect.dimensions === null
        ? null
        : {
            maxTexts: 2048,
            async embed(request) {
              const response = await send("/embeddings", buildEmbeddingBody(request, dialect), request);
              return readEmbeddings(response, request.input.length, request.credential.key);
            },
          },
  };
}
