import { makeEmbeddingRequest } from "../embedding-request.ts";
import { InvalidRequest } from "../invalid-request.ts";
import { isObject } from "../is-object.ts";
import { sampleVector } from "../sample-vector.ts";
import type { ModelRequest } from "../wire-format.ts";

const defaultDimensions = 3072;

/** Reads a request for one embedding or many. Throws InvalidRequest. */
export function readEmbeddings(
  body: Record<string, unknown>,
  model: string,
  action: "embedContent" | "batchEmbedContents",
): ModelRequest {
  const isBatch = action === "batchEmbedContents";
  const requests: unknown[] = isBatch ? (Array.isArray(body.requests) ? body.requests : []) : [body];
  if (requests.length === 0 || requests.length > 100)
    throw new InvalidRequest(
      "* BatchEmbedContentsRequest.requests: at least one and at most 100 requests can be in one batch",
    );
  const inputs = requests.map((request, at) => readInput(request, at, isBatch ? model : null));
  return makeEmbeddingRequest({
    model,
    body,
    texts: inputs.map(({ text }) => text),
    jsonHeaders: ["content-type", "application/json; charset=UTF-8"],
    json(_name, { usage, reportUsage }) {
      const embeddings = inputs.map(({ text, dimensions }) => ({
        values: [...sampleVector(text, dimensions)],
      }));
      const told = { promptTokenCount: usage.inputTokens, totalTokenCount: usage.inputTokens };
      return {
        ...(isBatch ? { embeddings } : { embedding: embeddings[0] }),
        ...(reportUsage ? { usageMetadata: told } : {}),
      };
    },
  });
}

function readInput(request: unknown, at: number, model: string | null): { text: string; dimensions: number } {
  const {
    content,
    outputDimensionality: dimensions = defaultDimensions,
    model: named,
  } = isObject(request) ? request : {};
  if (model !== null && named !== `models/${model}`)
    throw new InvalidRequest(
      `* BatchEmbedContentsRequest.requests[${at}].model: unexpected model name format: it is to be the one of the path`,
    );
  const parts: unknown[] = isObject(content) && Array.isArray(content.parts) ? content.parts : [];
  const text = parts
    .map((part) => (isObject(part) && typeof part.text === "string" ? part.text : ""))
    .join("\n");
  if (text === "")
    throw new InvalidRequest("* EmbedContentRequest.content: contents.parts must not be empty.");
  if (
    !(typeof dimensions === "number" && Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= 3072)
  )
    throw new InvalidRequest("* EmbedContentRequest.output_dimensionality: must be from 1 to 3072");
  return { text, dimensions };
}
