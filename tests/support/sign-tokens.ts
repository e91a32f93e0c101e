import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from "jose";

export interface TokenOptions {
  header?: Partial<JWTHeaderParameters>;
  /** In place of the usual claims; undefined leaves one out. */
  claims?: Record<string, unknown>;
  /** What to sign with in place of the key pair. */
  key?: Uint8Array;
}

export interface TokenSigner {
  /** The key that a function must know to accept these tokens. */
  publicKey: JWK;
  /** Signs a token that says it is of `subject`, as Supabase Auth would if told to say what `options` say. */
  sign(subject: string, options?: TokenOptions): Promise<string>;
}

/** Makes a key pair as Supabase Auth has one, for tokens that Auth itself would never issue. */
export async function createTokenSigner(issuer: string): Promise<TokenSigner> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const kid = randomUUID();
  return {
    publicKey: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" },
    sign(subject, { header, claims, key } = {}) {
      const now = Math.floor(Date.now() / 1000);
      const all = {
        iss: issuer,
        aud: "authenticated",
        sub: subject,
        role: "authenticated",
        iat: now,
        exp: now + 600,
        ...claims,
      };
      const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      return new SignJWT(given)
        .setProtectedHeader({ alg: "ES256", kid, typ: "JWT", ...header })
        .sign(key ?? privateKey);
    },
  };
}
