import { InvalidRequest } from "../invalid-request.ts";
import { parseObject } from "../is-object.ts";
import type { Answer, WireFormat } from "../wire-format.ts";
import { googleError, invalidArgument, invalidKey, refuseGoogle } from "./errors.ts";
import { readChat } from "./read-chat.ts";
import { readEmbeddings } from "./read-embeddings.ts";

const models = [
  ["gemini-2.5-flash", "Gemini 2.5 Flash", "generateContent"],
  ["gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", "generateContent"],
  ["gemini-3-pro-preview", "Gemini 3 Pro Preview", "generateContent"],
  ["gemini-embedding-001", "Gemini Embedding 001", "embedContent"],
] as const;

/** Gemini's content generation and embeddings. */
export const google: WireFormat = {
  name: "google",
  basePath: "/google",
  idPrefix: "resp-",
  readKey: (headers) => String(headers["x-goog-api-key"] ?? ""),
  authorize({ query, headers }) {
    // Gemini takes it, but a URL is written into logs.
    if (query.has("key")) return invalidArgument("A key in the URL: send it in the header x-goog-api-key.");
    const key = String(headers["x-goog-api-key"] ?? "");
    if (key === "")
      return googleError(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
      );
    return key.startsWith("sk-invalid") ? invalidKey() : null;
  },
  read({ method, path, query, body }) {
    if (method === "GET" && /^\/v1(beta)?\/models$/.test(path)) return listModels();
    const [, encoded, action] = /^\/v1(?:beta)?\/models\/(.+):(\w+)$/.exec(path) ?? [];
    if (method !== "POST" || encoded === undefined) return notFound();
    try {
      const model = decodeURIComponent(encoded);
      const request = parseObject(body);
      if (request === null) throw new InvalidRequest("Invalid JSON payload received. Unexpected token.");
      switch (action) {
        case "generateContent":
          return readChat(request, model, false);
        case "streamGenerateContent":
          if (query.get("alt") === "sse") return readChat(request, model, true);
          throw new InvalidRequest("The simulator streams server-sent events alone: add alt=sse.");
        case "embedContent":
        case "batchEmbedContents":
          return readEmbeddings(request, model, action);
        default:
          return notFound();
      }
    } catch (error) {
      if (error instanceof URIError) return notFound();
      if (!(error instanceof InvalidRequest)) throw error;
      return invalidArgument(error.message);
    }
  },
  refuse: refuseGoogle,
  refuseCommands: invalidArgument,
};

function notFound(): Answer {
  return googleError(404, "NOT_FOUND", "Requested entity was not found.");
}

function listModels(): Answer {
  const listed = models.map(([id, displayName, method]) => ({
    name: `models/${id}`,
    version: "001",
    displayName,
    description: displayName,
    inputTokenLimit: method === "embedContent" ? 2048 : 1_048_576,
    outputTokenLimit: 65_536,
    supportedGenerationMethods: [method],
  }));
  return {
    status: 200,
    headers: ["content-type", "application/json; charset=UTF-8"],
    body: JSON.stringify({ models: listed }),
  };
}
