import { isTokenCount, type Usage } from "../domain/usage.ts";
import { parseObject } from "./google-wire.ts";
import { type Embeddings, ProviderError } from "./provider.ts";
import { maxVectorBytes, readText } from "./read-text.ts";
import { isVector } from "./untrusted.ts";

interface WireEmbeddings {
  embeddings?: unknown;
  /** Newer embedding models count the prompt, older ones say nothing. */
  usageMetadata?: { promptTokenCount?: unknown } | null;
}

/**
 * Reads an answer of `batchEmbedContents`.
 * @param count how many texts were sent
 * @throws ProviderError interrupted, where it has not one vector for each
 */
export async function readEmbeddings(response: Response, count: number): Promise<Embeddings> {
  const body = await readText(response, maxVectorBytes).catch((cause: unknown) => {
    throw new ProviderError("interrupted", "the connection broke in the middle of the answer", { cause });
  });
  const { embeddings, usageMetadata }: WireEmbeddings = parseObject(body) ?? {};
  const usage = readUsage(usageMetadata?.promptTokenCount);
  const vectors = (Array.isArray(embeddings) ? embeddings : []).map((embedding) => embedding?.values);
  if (vectors.length === count && vectors.every(isVector)) return { vectors, usage };
  throw new ProviderError("interrupted", "the answer has not one vector for each text", {
    usage: usage ?? undefined,
  });
}

function readUsage(promptTokenCount: unknown): Usage | null {
  if (!isTokenCount(promptTokenCount)) return null;
  return {
    inputTokens: promptTokenCount,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };
}
