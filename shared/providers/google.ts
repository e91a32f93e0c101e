import type { Models } from "@google/genai/web";
import { readAnswer, readStream } from "./google-answer.ts";
import { readEmbeddings } from "./google-embeddings.ts";
import { readRefusal } from "./google-failure.ts";
import { buildBody, findLimitations } from "./google-request.ts";
import { listModels } from "./list-models.ts";
import { getObject, type PreparedRequest, post, rememberByCredential, writeBody } from "./post.ts";
import { type Credential, type Provider, ProviderError, type ProviderRequest } from "./provider.ts";

interface GoogleProviderOptions {
  /** e.g. `https://generativelanguage.googleapis.com` */
  baseUrl: string;
  fetch: typeof fetch;
}

/** The version in which Google documents every field that is sent here; the SDK's own default is another. */
const apiVersion = "v1beta";

const callable = new Set<unknown>(["generateContent", "embedContent", "batchEmbedContents"]);

const listFormat = {
  list: "models",
  // JSON of protocol buffers leaves an empty list out.
  omitsEmpty: true,
  readId: ({ name, supportedGenerationMethods: methods }: Record<string, unknown>) =>
    typeof name === "string" && Array.isArray(methods) && methods.some((method) => callable.has(method))
      ? name.replace(/^models\//, "")
      : undefined,
  readContext: ({ inputTokenLimit }: Record<string, unknown>) => inputTokenLimit,
  readNext: ({ nextPageToken }: Record<string, unknown>) =>
    typeof nextPageToken === "string" && nextPageToken !== "" ? { pageToken: nextPageToken } : undefined,
};

/**
 * Google's Gemini API. The SDK builds URL and headers and carries the key, once per key and model; sending is left to `fetch` and the
 * answer is read here, for the reasons that createOpenAIProvider has. It is the SDK's build for browsers: the one for Node.js brings
 * Google's sign-in and WebSockets along, and reads the environment.
 */
export function createGoogleProvider({ baseUrl, fetch }: GoogleProviderOptions): Provider {
  /** By the method and the model, of which there are as many as the catalogue has. */
  const chatRequestsOf = rememberByCredential(async () => new Map<string, Promise<PreparedRequest>>());

  async function prepareChat({
    credential,
    upstreamModel,
    stream,
  }: ProviderRequest): Promise<PreparedRequest> {
    const requests = await chatRequestsOf(credential);
    const name = `${stream} ${upstreamModel}`;
    let request = requests.get(name);
    if (request === undefined) {
      const chat = { model: upstreamModel, contents: "" };
      request = prepare(credential, (models) =>
        stream ? models.generateContentStream(chat) : models.generateContent(chat),
      );
      requests.set(name, request);
      // A failed import is tried again by the next chat.
      request.catch(() => requests.delete(name));
    }
    return request;
  }

  /** Lets the SDK make a call up to its `fetch`, for which it takes one of the caller's: nothing leaves this machine. */
  async function prepare(
    credential: Credential,
    call: (models: Models) => Promise<unknown>,
  ): Promise<PreparedRequest> {
    const { GoogleGenAI } = await import("@google/genai/web");
    const { promise, resolve, reject } = Promise.withResolvers<PreparedRequest>();
    try {
      const client = new GoogleGenAI({
        apiKey: credential.key.reveal(),
        httpOptions: {
          baseUrl,
          apiVersion,
          fetch: async (url, init) => {
            // The types of Deno and Node.js disagree about the members of init.
            const { headers, body } = init as { headers?: Record<string, string>; body?: unknown };
            resolve({
              url: String(url),
              headers: Object.fromEntries(new Headers(headers)),
              body: String(body),
            });
            return Response.json({});
          },
        },
      });
      await call(client.models);
    } catch {
      // It looks at the model's name and at the key before it sends. What it throws may show the key.
      reject(new ProviderError("permission", "the SDK refuses the model or the key"));
    }
    return promise;
  }

  function send(
    request: PreparedRequest,
    { signal, credential }: Pick<ProviderRequest, "signal" | "credential">,
  ) {
    return post(request, { fetch, credential, signal, readRefusal });
  }

  return {
    async *chat(request) {
      const prepared = await prepareChat(request);
      const response = await send({ ...prepared, body: writeBody(buildBody(request)) }, request);
      if (request.stream) yield* readStream(response, request);
      else yield await readAnswer(response, request);
    },

    async listModels({ credential, signal }) {
      const prepared = await prepare(credential, (models) => models.list({ config: { pageSize: 1000 } }));
      return listModels(prepared, { fetch, credential, signal, readRefusal }, listFormat);
    },

    async checkKey({ credential, signal }) {
      const prepared = await prepare(credential, (models) => models.list({ config: { pageSize: 1 } }));
      await getObject(prepared, { fetch, credential, signal, readRefusal });
      return true;
    },

    findLimitations,

    embeddings: {
      // Google documents it as the most of batchEmbedContents.
      maxTexts: 100,
      async embed(request) {
        const { upstreamModel, input, dimensions, credential } = request;
        const config = dimensions === undefined ? {} : { outputDimensionality: dimensions };
        // Of bare texts the SDK would make one content, and so one vector, for some models.
        const contents = input.map((text) => ({ role: "user", parts: [{ text }] }));
        const prepared = await prepare(credential, (models) =>
          models.embedContent({ model: upstreamModel, contents, config }),
        );
        const response = await send(prepared, request);
        return readEmbeddings(response, input.length);
      },
    },
  };
}
