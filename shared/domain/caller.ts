/** What an API key may be made for: see `private.api_scope`. */
export const apiScopes = ["chat", "models", "usage"] as const;
export type ApiScope = (typeof apiScopes)[number];

/** Whether callers' own provider keys serve their chats: see `private.byok_permission`. */
export type ByokPermission = "forbidden" | "allowed" | "required";

/** Who asks: a person, or whoever shows one of a person's API keys, of which the database is told the digest. */
export type Caller = { userId: string; apiKeyDigest?: undefined } | { apiKeyDigest: string };
