import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** What a stack is opened with. Made once and kept, so that sessions and an app's settings outlive a restart. */
export interface Keys {
  databasePassword: string;
  publishableKey: string;
  secretKey: string;
  /** What scheduled jobs show to the functions that they call. */
  jobSecret: string;
  /** What provider keys are sealed with that are stored in the database: `BYOK_KEYS`. */
  keyRing: string;
  fingerprintKey: string;
  /** What the stand-in for Stripe signs its events with: those with data, and those without. */
  stripeWebhookSecret: string;
  stripeThinWebhookSecret: string;
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
    return saveKeys(file, await makeKeys());
  }
  let kept: Partial<Keys>;
  try {
    kept = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not valid JSON. Delete it and start with --reset.`);
  }
  // A file from before some of them were needed.
  const made = await makeKeys();
  const isComplete = Object.keys(made).every((name) => name in kept);
  return isComplete ? (kept as Keys) : saveKeys(file, { ...made, ...kept });
}

function saveKeys(file: string, keys: Keys): Keys {
  writeFileSync(`${file}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return keys;
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
    jobSecret: random(32),
    keyRing: JSON.stringify({ active: "k1", keys: { k1: randomBytes(32).toString("base64") } }),
    fingerprintKey: randomBytes(32).toString("base64"),
    stripeWebhookSecret: `whsec_${random(24)}`,
    stripeThinWebhookSecret: `whsec_${random(24)}`,
    signingKey: { ...(await exportJWK(privateKey)), kid: random(12), alg: "ES256", use: "sig" },
  };
}
