import { storableText } from "./chat-message.ts";
import { SluiceError } from "./errors.ts";

const modelId = storableText.min(1).max(200);

/** The id of a model in an address. @throws SluiceError model_not_found, for what can be none's */
export function readModelId(text: string): string {
  const id = modelId.safeParse(text);
  if (!id.success) throw new SluiceError("model_not_found", { param: "model" });
  return id.data;
}
