import { importJWK, jwtVerify, SignJWT } from "jose";
import type { Keys } from "../keys.ts";
import { publicKeySet } from "../keys.ts";
import { AuthError } from "./auth-error.ts";
import type { UserRow } from "./users.ts";

/** What an access token says of its holder. */
export interface AccessClaims {
  userId: string;
  sessionId: string;
}

export interface Tokens {
  lifetimeSeconds: number;
  /** Signs an access token with the claims of Supabase's. */
  sign(user: UserRow, sessionId: string): Promise<string>;
  /** Throws an AuthError for a token that is not ours or has expired. */
  verify(token: string): Promise<AccessClaims>;
}

const algorithm = "ES256";
const audience = "authenticated";
const lifetimeSeconds = 3600;

/** Makes and checks access tokens. `issuer` is the public address of the sign-in service. */
export async function createTokens(keys: Keys, issuer: string): Promise<Tokens> {
  const privateKey = await importJWK(keys.signingKey, algorithm);
  const publicKey = await importJWK(publicKeySet(keys).keys[0] ?? {}, algorithm);
  const kid = keys.signingKey.kid ?? "";

  return {
    lifetimeSeconds,
    async sign(user, sessionId) {
      const now = Math.floor(Date.now() / 1000);
      return await new SignJWT({
        email: user.email,
        phone: "",
        app_metadata: user.raw_app_meta_data,
        user_metadata: user.raw_user_meta_data,
        role: user.role,
        aal: "aal1",
        amr: [{ method: "password", timestamp: now }],
        session_id: sessionId,
        is_anonymous: user.is_anonymous,
      })
        .setProtectedHeader({ alg: algorithm, kid, typ: "JWT" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(user.id)
        .setIssuedAt(now)
        .setExpirationTime(now + lifetimeSeconds)
        .sign(privateKey);
    },
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          issuer,
          audience,
          algorithms: [algorithm],
          requiredClaims: ["sub", "exp", "session_id"],
        });
        return { userId: String(payload.sub), sessionId: String(payload.session_id) };
      } catch {
        throw new AuthError(403, "bad_jwt", "invalid JWT: it is malformed, expired or not from this service");
      }
    },
  };
}

/** Signs the token by which the gateway acts as `role` towards PostgREST. It stays between the two. */
export async function signRoleToken(keys: Keys, role: "anon" | "service_role"): Promise<string> {
  return await new SignJWT({ role })
    .setProtectedHeader({ alg: algorithm, kid: keys.signingKey.kid ?? "", typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime("1y")
    .sign(await importJWK(keys.signingKey, algorithm));
}
