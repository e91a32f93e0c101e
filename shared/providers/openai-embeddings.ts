import type { Secret } from "../domain/secret.ts";
import { countOf, isTokenCount } from "../domain/usage.ts";
import type { Dialect } from "./openai-dialects.ts";
import { errorInAnswer, findError, type MaybeError } from "./openai-errors.ts";
import { type EmbeddingRequest, type Embeddings, ProviderError } from "./provider.ts";
import { maxVectorBytes, readText } from "./read-text.ts";
import { isVector, parseJson } from "./untrusted.ts";

interface WireEmbeddings extends MaybeError {
  data?: ({ index?: unknown; embedding?: unknown } | null)[];
  usage?: { prompt_tokens?: unknown } | null;
}

/**
 * The body of a request for embeddings. Numbers are asked for as decimals: base64 is smaller on the wire, but to read it, and to write
 * numbers of 32 bits as decimals of 64, takes half as long again (measured with Node.js 24).
 */
export function buildEmbeddingBody(
  { upstreamModel, input, dimensions }: EmbeddingRequest,
  dialect: Dialect,
): object {
  return {
    model: upstreamModel,
    input,
    encoding_format: "float",
    ...(dimensions === undefined || dialect.dimensions === null ? {} : { [dialect.dimensions]: dimensions }),
  };
}

/**
 * Reads the vectors of `count` texts.
 * @throws ProviderError interrupted, where they are not all there; where the answer is an error instead, what that says
 */
export async function readEmbeddings(response: Response, count: number, key: Secret): Promise<Embeddings> {
  const text = await readText(response, maxVectorBytes).catch((cause: unknown) => {
    throw new ProviderError("interrupted", "the connection broke in the middle of the embeddings", { cause });
  });
  const answer: WireEmbeddings | undefined = parseJson(text);
  const promptTokens = answer?.usage?.prompt_tokens;
  const usage = isTokenCount(promptTokens)
    ? {
        inputTokens: countOf(promptTokens),
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        outputTokens: 0,
        reasoningTokens: 0,
      }
    : null;
  const error = findError(answer);
  if (error !== undefined) throw errorInAnswer(error, { isBegun: false, usage, key });
  const vectors: (number[] | undefined)[] = Array.from({ length: count });
  for (const [position, item] of (Array.isArray(answer?.data) ? answer.data : []).entries()) {
    const index = item?.index ?? position;
    if (typeof index === "number" && index in vectors && isVector(item?.embedding))
      vectors[index] = item.embedding;
  }
  if (!vectors.every((vector) => vector !== undefined))
    throw new ProviderError("interrupted", "embeddings are missing", { usage: usage ?? undefined });
  return { vectors, usage };
}
