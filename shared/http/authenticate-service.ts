import { verifyCredentials } from "@supabase/server/core";
import { SluiceError } from "../domain/errors.ts";
import type { PlatformSettings } from "./platform-settings.ts";

/** Lets another service of the app pass. @throws SluiceError unauthorized: the same for whatever is wrong */
export type AuthenticateService = (request: Request) => Promise<void>;

/**
 * Accepts requests with a secret key of the project in the header `apikey`, whichever of its names the key has. A person's access token
 * stands for nothing here. Keys are compared in constant time.
 */
export function createAuthenticateService({
  url,
  secretKeys,
}: Pick<PlatformSettings, "url" | "secretKeys">): AuthenticateService {
  return async (request) => {
    const revealed = Object.entries(secretKeys).map(([name, key]) => [name, key.reveal()]);
    const { error } = await verifyCredentials(
      { token: null, apikey: request.headers.get("apikey") },
      {
        auth: "secret:*",
        env: { url, publishableKeys: {}, secretKeys: Object.fromEntries(revealed), jwks: null },
      },
    );
    if (error === null) return;
    throw new SluiceError("unauthorized", {
      message:
        "Only services of the app may call this: send a secret key of the project in the header apikey.",
    });
  };
}
