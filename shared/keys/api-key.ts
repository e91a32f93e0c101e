import { createSecret, type Secret } from "../domain/secret.ts";
import { toHex } from "./hex.ts";

/** A key that was just made. */
export interface NewApiKey {
  /** To be shown once: it is kept nowhere. */
  key: Secret;
  /** SHA-256 of the whole key, as hex: what it is found by. */
  digest: string;
  lastFour: string;
}

/** What every key begins with. */
export const apiKeyPrefix = "slc_live_";

const secretBytes = 32;
/** 62^43 > 2^256, and 62^6 > 2^32. */
const secretLength = 43;
const checksumLength = 6;
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const pattern = new RegExp(`^${apiKeyPrefix}[${digits}]{${secretLength + checksumLength}}$`);

/** Makes a key: `slc_live_`, 32 random bytes in base 62 and the CRC-32 of what stands before it, so that a slip in copying is noticed. */
export async function createApiKey(): Promise<NewApiKey> {
  // Taken here and not handed in: whoever could say what is random could say what the key is.
  const bytes = crypto.getRandomValues(new Uint8Array(secretBytes));
  const number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const body = apiKeyPrefix + toBase62(number, secretLength);
  const text = body + checksum(body);
  return { key: createSecret(text), digest: await digest(text), lastFour: text.slice(-4) };
}

/** The digest of a key as somebody shows it; null for what is none, without asking anybody. */
export async function digestApiKey(text: string): Promise<string | null> {
  if (!pattern.test(text)) return null;
  const body = text.slice(0, -checksumLength);
  return checksum(body) === text.slice(-checksumLength) ? digest(text) : null;
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(hash));
}

function checksum(text: string): string {
  return toBase62(BigInt(crc32(new TextEncoder().encode(text))), checksumLength);
}

function toBase62(number: bigint, length: number): string {
  let text = "";
  for (let rest = number; text.length < length; rest /= 62n) text = digits[Number(rest % 62n)] + text;
  return text;
}

/** CRC-32 as of ISO 3309, reflected, polynomial 0xEDB88320: that of gzip. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
