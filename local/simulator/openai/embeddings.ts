import { makeEmbeddingRequest } from "../embedding-request.ts";
import { InvalidRequest } from "../invalid-request.ts";
import { sampleVector } from "../sample-vector.ts";
import type { ModelRequest } from "../wire-format.ts";

const mostInputs = 2048;
const defaultDimensions = 1536;

/** Reads a request for embeddings. Throws InvalidRequest. */
export function readEmbeddings(body: Record<string, unknown>, model: string): ModelRequest {
  const inputs = readInputs(body.input);
  const dimensions = body.dimensions ?? defaultDimensions;
  if (
    !(typeof dimensions === "number" && Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= 3072)
  )
    throw new InvalidRequest(
      "Invalid value for 'dimensions': must be an integer from 1 to the size of the model's vectors.",
      "dimensions",
      null,
    );
  const encoding = body.encoding_format ?? "float";
  if (encoding !== "float" && encoding !== "base64")
    throw new InvalidRequest(
      `Invalid value: '${String(encoding)}'. Supported values are: 'float' and 'base64'.`,
      "encoding_format",
      "invalid_value",
    );
  return makeEmbeddingRequest({
    model,
    body,
    texts: inputs,
    jsonHeaders: ["content-type", "application/json"],
    json(name, { usage, reportUsage }) {
      const data = inputs.map((input, index) => {
        const vector = sampleVector(input, dimensions);
        const embedding = encoding === "float" ? [...vector] : writeBase64(vector);
        return { object: "embedding", index, embedding };
      });
      const told = { prompt_tokens: usage.inputTokens, total_tokens: usage.inputTokens };
      return { object: "list", data, model: name, ...(reportUsage ? { usage: told } : {}) };
    },
  });
}

function readInputs(input: unknown): string[] {
  const inputs: unknown[] = Array.isArray(input) ? input : [input];
  if (
    inputs.length === 0 ||
    inputs.length > mostInputs ||
    inputs.some((each) => typeof each !== "string" || each === "")
  )
    throw new InvalidRequest(
      "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
    );
  return inputs as string[];
}

function writeBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer).toString("base64");
}
