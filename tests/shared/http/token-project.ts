import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { createSecret } from "../../../shared/domain/secret.ts";
import { type Authenticate, createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { PlatformSettings } from "../../../shared/http/platform-settings.ts";
import { startServer } from "../start-server.ts";

export interface SigningKey {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  jwk: JWK & { kid: string };
}

/** Makes a key pair as Supabase Auth has them. */
export async function createSigningKey(kid: string, alg = "ES256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

/** A server that publishes keys; the list may change. Returns its address. */
export async function publish(keys: JWK[]): Promise<URL> {
  const url = await startServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys }));
  });
  return new URL(`${url}/auth/v1/.well-known/jwks.json`);
}

const issuer = "http://127.0.0.1:54321/auth/v1";

/** The seconds since the epoch, in which tokens count time. */
export const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A project with one signing key and one person. */
export async function createTokenProject() {
  const key = await createSigningKey("project-key");
  const userId = randomUUID();

  const claims = (): Record<string, unknown> => ({
    iss: issuer,
    aud: "authenticated",
    sub: userId,
    role: "authenticated",
    iat: nowSeconds(),
    exp: nowSeconds() + 3600,
  });

  /** A token as Supabase Auth issues it, but for the claims, the members of its header and the key that are given. */
  function sign(changed: Record<string, unknown> = {}, header: object = {}, signer = key): Promise<string> {
    const protectedHeader = { alg: String(signer.jwk.alg), kid: key.jwk.kid, typ: "JWT", ...header };
    return new SignJWT({ ...claims(), ...changed })
      .setProtectedHeader(protectedHeader)
      .sign(signer.privateKey);
  }

  /** What checks tokens: with the project's key at hand and no other to be found, but for what is given. */
  function createChecker(given: Partial<PlatformSettings> = {}, now: () => number = Date.now): Authenticate {
    const settings: PlatformSettings = {
      url: "http://127.0.0.1:1",
      secretKey: createSecret("sb_secret_test"),
      secretKeys: {},
      jwks: { keys: [{ ...key.jwk }] },
      jwksUrl: new URL("http://127.0.0.1:1/jwks.json"),
      issuer,
      allowedOrigins: [],
      ...given,
    };
    return createAuthenticate(settings, now);
  }

  return { key, userId, claims, sign, createChecker };
}

/** A request that carries a token. */
export function bearer(token: string): Request {
  return new Request("http://localhost/", { headers: { authorization: `Bearer ${token}` } });
}
