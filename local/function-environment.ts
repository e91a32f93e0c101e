import type { JWK } from "jose";
import type { StackDescription } from "./stack-description.ts";

/**
 * The environment of a function, as Supabase gives it, with the function's own settings.
 * `keySet` holds the keys that sign users' tokens; the stack serves it at `/auth/v1/.well-known/jwks.json`.
 */
export function functionEnvironment(
  stack: Pick<StackDescription, "apiUrl" | "publishableKey" | "secretKey">,
  keySet: { keys: JWK[] },
  settings: Record<string, string>,
): Record<string, string> {
  return {
    SUPABASE_URL: stack.apiUrl,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: stack.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: stack.secretKey }),
    SUPABASE_JWKS: JSON.stringify(keySet),
    ...settings,
  };
}
