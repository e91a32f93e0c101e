import type { ApiKey, ApiKeyFields } from "../../shared/credentials/api-keys.ts";
import { createAccountClient } from "./account-client.ts";

export interface MadeApiKey extends ApiKey {
  /** The key itself: what is shown as a token. */
  token: string;
}

/** Makes an API key for a person, for everything unless scopes are given. */
export async function makeApiKey(
  { token }: { token: string },
  fields: Partial<ApiKeyFields> = {},
): Promise<MadeApiKey> {
  const { status, body } = await createAccountClient().send<ApiKey & { key: string }>("POST", "/api-keys", {
    token,
    body: { name: "test", scopes: ["chat", "models", "usage"], ...fields },
  });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  const { key, ...rest } = body;
  return { ...rest, token: key };
}
