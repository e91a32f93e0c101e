import { Buffer } from "node:buffer";
import type { OpenAI } from "openai";
import type { Bill, ServedBy } from "../../domain/chat-event.ts";
import { countPrompt, writeBill } from "./bill.ts";

/**
 * The shape of `POST v1/embeddings`.
 * @param encoding `base64` writes each vector as 32-bit floats, little endian, as OpenAI's clients ask for
 */
export function writeEmbeddings(
  result: ServedBy & Bill & { vectors: number[][] },
  encoding: "float" | "base64",
): object {
  const promptTokens = countPrompt(result.usage);
  return {
    object: "list",
    data: result.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encoding === "float" ? vector : encodeVector(vector),
    })),
    model: result.model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    sluice: writeBill(result),
  } satisfies Omit<OpenAI.CreateEmbeddingResponse, "data"> & Record<string, unknown>;
}

function encodeVector(vector: number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
