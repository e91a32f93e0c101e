import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** What a stack is opened with. Made once and kept, so that sessions and an app's settings outlive a restart. */
export interface Keys {
  databasePassword: string;
  publishableKey: string;
  secretKey: string;
  /** The ES256 key pair that signs tokens, with `kid`. */
  signingKey: JWK;
}

/** Reads the keys of a stack from its directory, or makes them. The file is readable by its owner alone. */
export async function loadKeys(directory: string): Promise<Keys> {
  const file = join(directory, "keys.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const keys = await makeKeys();
    writeFileSync(`${file}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return keys;
  }
  try {
    return JSON.parse(text) as Keys;
  } catch {
    throw new Error(`${file} is not valid JSON. Delete it and start with --reset.`);
  }
}

/** The public half of the signing key, as a JSON Web Key Set. */
export function publicKeySet({ signingKey }: Keys): { keys: JWK[] } {
  const { d: _private, ...publicKey } = signingKey;
  return { keys: [publicKey] };
}

async function makeKeys(): Promise<Keys> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const random = (bytes: number) => randomBytes(bytes).toString("base64url");
  return {
    databasePassword: random(24),
    publishableKey: `sb_publishable_${random(24)}`,
    secretKey: `sb_secret_${random(24)}`,
    signingKey: { ...(await exportJWK(privateKey)), kid: random(12), alg: "ES256", use: "sig" },
  };
}
