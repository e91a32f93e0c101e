import { randomBytes, randomUUID } from "node:crypto";
import { loadKeys } from "../../local/keys.ts";
import type { Mark } from "../canaries/secret-search.ts";

// Twelve bytes each: what follows begins a new group of base64.
const texts = {
  "provider key": "cnryProvider",
  "root key": "cnryRootKey0",
  "fingerprint key": "cnryFingerKy",
  "webhook secret": "cnryWebhook0",
  "webhook address": "cnryAddress0",
  "job secret": "cnryJobSecr0",
  "secret key": "cnrySecretK0",
};

export type Slot = keyof typeof texts;

/** A secret that no other test has, and that is found wherever the run leaves it. */
export function makeSecret(slot: Slot): string {
  return `${texts[slot]}-${randomUUID()}`;
}

/** The same, for a secret of 32 bytes, in base64. */
export function makeSecretBytes(slot: Slot): string {
  return Buffer.concat([Buffer.from(texts[slot]), randomBytes(20)]).toString("base64");
}

/** The setting of a ring with one root key. */
export function makeKeyRing(): string {
  return JSON.stringify({ active: "k1", keys: { k1: makeSecretBytes("root key") } });
}

/** What all secrets of a run are known by: those that tests make, and those of the stack in a directory. */
export async function readMarks(directory: string): Promise<Mark[]> {
  const keys = await loadKeys(directory);
  const { databasePassword, secretKey, jobSecret, signingKey, keyRing, fingerprintKey } = keys;
  const tokenStart = Buffer.from(JSON.stringify({ alg: "ES256", kid: signingKey.kid })).toString("base64url");
  const mark = (slot: string, text: string, more = 0): Mark => ({ slot, bytes: Buffer.from(text), more });
  /** A setting in base64: its bytes, and the setting itself, which may be written in another form. */
  const markBytes = (slot: string, base64: string): Mark[] => [
    { slot, bytes: Buffer.from(base64, "base64").subarray(6, 22), more: 0 },
    mark(slot, base64.slice(4, 28)),
  ];
  return [
    ...Object.entries(texts).flatMap(([slot, text]) => [
      mark(slot, text),
      // A setting in base64 may itself be written in another form.
      mark(slot, Buffer.from(text).toString("base64")),
    ]),
    // Of the stack's own functions.
    mark("provider key", "sk-simulator"),
    mark("database password", middleOf(databasePassword)),
    mark("secret key", middleOf(secretKey)),
    mark("job secret", middleOf(jobSecret)),
    mark("webhook secret", middleOf(keys.stripeWebhookSecret)),
    mark("webhook secret", middleOf(keys.stripeThinWebhookSecret)),
    mark("payment key", "sk_test_local"),
    mark("signing key", middleOf(signingKey.d ?? "")),
    ...Object.values((JSON.parse(keyRing) as { keys: Record<string, string> }).keys).flatMap((root) =>
      markBytes("root key", root),
    ),
    ...markBytes("fingerprint key", fingerprintKey),
    // Nobody chooses the text of these: what comes after their beginning tells them from a hint at one.
    mark("API key", "slc_live_", 24),
    mark("access token", tokenStart.slice(0, -4), 24),
  ];
}

/** Enough to be found by, also where the ends are cut off. */
function middleOf(secret: string): string {
  const text = secret.slice(-24, -8);
  if (text.length < 16) throw new Error("A secret of the stack is too short to be looked for.");
  return text;
}
