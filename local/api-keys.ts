import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Keys } from "./keys.ts";

export type ApiRole = "anon" | "service_role";

/** Tells what an API key stands for: the publishable one for `anon`, the secret one for `service_role`. */
export function createKeyCheck(
  keys: Pick<Keys, "publishableKey" | "secretKey">,
): (key: string) => ApiRole | undefined {
  const publishable = digest(keys.publishableKey);
  const secret = digest(keys.secretKey);
  return (key) => {
    const given = digest(key);
    if (timingSafeEqual(given, publishable)) return "anon";
    return timingSafeEqual(given, secret) ? "service_role" : undefined;
  };
}

/** The token of `Authorization: Bearer`, unless it is an API key, which supabase-js sends there while nobody is signed in. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  return token?.startsWith("sb_") ? undefined : token;
}

// Digests have one length, which timingSafeEqual asks for.
function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
