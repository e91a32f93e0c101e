import type { PricedReply } from "./reply.ts";
import { countTokens } from "./token-count.ts";
import type { ModelRequest } from "./wire-format.ts";

interface Embedding {
  model: string;
  body: Record<string, unknown>;
  texts: readonly string[];
  jsonHeaders: readonly string[];
  /** The answer's body, under the model's name without commands. */
  json(model: string, reply: PricedReply): unknown;
}

/** A request for embeddings, which have no output and are never streamed. Each text counts its tokens and nothing more. */
export function makeEmbeddingRequest({ model, body, texts, jsonHeaders, json }: Embedding): ModelRequest {
  return {
    model,
    body,
    stream: false,
    hasOutput: false,
    prompt: texts.join("\n"),
    promptTokens: texts.reduce((sum, text) => sum + countTokens(text), 0),
    lastUserText: "",
    maxTokens: null,
    tools: [],
    parallelTools: false,
    bringsToolResults: false,
    isPrefilled: false,
    outputSchema: null,
    write: (_id, name, reply) => ({
      jsonHeaders,
      json: () => JSON.stringify(json(name, reply)),
      streamHeaders: [],
      opening: "",
      parts: [],
      closing: [],
      end: "",
      broken: "",
      failure: "",
      keepAlive: "",
    }),
  };
}
