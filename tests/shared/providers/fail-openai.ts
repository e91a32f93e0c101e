import type { RequestListener } from "node:http";
import { ProviderError, type ProviderRequest } from "../../../shared/providers/provider.ts";
import { startServer } from "../start-server.ts";
import { askOpenAI } from "./ask-provider.ts";

/** Asks a server and returns how the call failed. */
export async function failOpenAI(
  listener: RequestListener,
  given?: Partial<ProviderRequest>,
): Promise<ProviderError> {
  return failOpenAIAt(await startServer(listener), given);
}

/** Asks at an address and returns how the call failed. */
export async function failOpenAIAt(url: string, given?: Partial<ProviderRequest>): Promise<ProviderError> {
  const thrown = await askOpenAI(url, given).then(
    () => new Error("there was an answer"),
    (error: unknown) => error,
  );
  if (thrown instanceof ProviderError) return thrown;
  throw thrown;
}

/** OpenAI's body of a refusal. */
export const wireRefusal = (code: string | null, message = "No.", type = "invalid_request_error") =>
  JSON.stringify({ error: { message, type, param: null, code } });
