import { z } from "zod";
import { messageText, storableText } from "../../domain/chat-message.ts";
import { parseFields } from "../../domain/parse-fields.ts";
import { textOrList, unchecked, unsupported, withoutNulls } from "./fields.ts";

/** What is to be embedded, and how its vectors are to be written. */
export interface EmbeddingParams {
  input: string[];
  /** The plan's default where absent. */
  model: string | undefined;
  /** The provider to be tried first, where it serves the model. */
  provider: string | undefined;
  /** The length of the vectors; the model's own where absent. */
  dimensions: number | undefined;
  encoding: "float" | "base64";
}

const bodySchema = z.strictObject({
  input: textOrList(
    messageText,
    z.array(messageText).min(1).max(2048, "holds more than 2048 texts: send fewer"),
    "must be a text or a list of texts",
  ),
  model: storableText.min(1).max(200).optional(),
  provider: storableText.min(1).max(40).optional(),
  dimensions: z.int().min(1).max(100_000).optional(),
  encoding_format: z.enum(["float", "base64"]).default("float"),
  user: unchecked,
});

/**
 * Checks the parsed body of `POST v1/embeddings`.
 * @throws SluiceError invalid_request or unsupported_parameter, naming the field
 */
export function parseEmbeddingParams(json: unknown): EmbeddingParams {
  const body = withoutNulls(json) as { input?: unknown } | undefined;
  if ([body?.input].flat(2).some((token) => typeof token === "number"))
    throw unsupported("input", "numbers of tokens are not supported: send text");
  const { input, model, provider, dimensions, encoding_format } = parseFields(bodySchema, body);
  return { input: [input].flat(), model, provider, dimensions, encoding: encoding_format };
}
