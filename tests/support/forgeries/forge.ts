import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { JWK } from "jose";

/** What a forger works with: all that is public of the project, and its private key, for tokens that are odd but signed. */
export interface Forge {
  userId: string;
  issuer: string;
  kid: string;
  /** Everybody has it. */
  publicKey: KeyObject;
  publicJwk: JWK;
  /** The forger's own, which the project does not know. */
  foreignJwk: JWK;
  /** The project's signature, as a token has it. */
  bySelf: Signer;
  /** The same signature in the form that certificates have. */
  bySelfAsDer: Signer;
  /** A signature of the project's over another digest. */
  bySelfOverSha384: Signer;
  /** The forger's. */
  byForeign: Signer;
  /** A token with these claims and members of its header in the place of the usual; undefined leaves one out. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>, signer?: Signer): string;
}

/** Makes the third part of a token from the first two. */
export type Signer = (input: string) => string;

/** What is wrong, and what is shown as `authorization`. */
export type Forgery = [what: string, show: (forge: Forge) => string];

/** @param signingKey the project's, with its private half */
export function createForge(options: { signingKey: JWK; issuer: string; userId: string }): Forge {
  const { signingKey, issuer, userId } = options;
  const { d: _private, ...publicJwk } = signingKey;
  const kid = String(signingKey.kid);
  const privateKey = createPrivateKey({ key: signingKey as never, format: "jwk" });
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const bySelf = ecdsa(privateKey);
  return {
    ...{ userId, issuer, kid, publicJwk, bySelf },
    publicKey: createPublicKey(privateKey),
    foreignJwk: { ...(foreign.publicKey.export({ format: "jwk" }) as JWK), kid: "foreign", alg: "ES256" },
    bySelfAsDer: ecdsa(privateKey, { der: true }),
    bySelfOverSha384: ecdsa(privateKey, { digest: "sha384" }),
    byForeign: ecdsa(foreign.privateKey),
    token(claims = {}, header = {}, signer = bySelf) {
      const usual = { iss: issuer, aud: "authenticated", sub: userId, role: "authenticated" };
      const times = { iat: nowSeconds(), exp: nowSeconds() + 600 };
      return join(
        JSON.stringify({ alg: "ES256", kid, typ: "JWT", ...header }),
        JSON.stringify({ ...usual, ...times, ...claims }),
        signer,
      );
    },
  };
}

/** A token of texts that need not be JSON. */
export function join(header: string, payload: string, signer: Signer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signer(input)}`;
}

export const encode = (part: string | Uint8Array) => Buffer.from(part).toString("base64url");

/** As ES256 has it, unless another digest or form is asked for. */
function ecdsa(key: KeyObject, { digest = "sha256", der = false } = {}): Signer {
  return (input) =>
    encode(sign(digest, Buffer.from(input), { key, dsaEncoding: der ? "der" : "ieee-p1363" }));
}

/** As HS256 has it: anybody can who knows the password. */
export function hmac(password: string | Uint8Array, digest = "sha256"): Signer {
  return (input) => createHmac(digest, password).update(input).digest("base64url");
}

/** The parts of a token. */
export const split = (token: string) => token.split(".") as [string, string, string];

/** The seconds since the epoch, in which tokens count time. */
export const nowSeconds = () => Math.floor(Date.now() / 1000);
