import { decodeBase64 } from "./base64.ts";
import { toHex } from "./hex.ts";

/** Names a provider's key without giving it away: the same key has the same fingerprint. */
export type Fingerprint = (provider: string, key: string) => Promise<string>;

/** The setting that holds the key of fingerprints: base64 of 32 bytes, not one of the root keys. */
export const fingerprintSetting = "BYOK_FINGERPRINT_KEY";

const keyBytes = 32;
/** 64 bits: enough to tell keys apart, and little to guess at. */
const shownBytes = 8;

/**
 * Reads the key of fingerprints: HMAC-SHA256, because whoever has the database could try keys against a bare digest. It stays the same
 * when root keys are rotated.
 * @returns null where the setting is absent or empty: then no key can be saved
 * @throws Error naming the setting and the fault, and nothing of the key
 */
export function parseFingerprint(setting: string | undefined): Fingerprint | null {
  if (!setting) return null;
  const bytes = decodeBase64(setting.trim());
  if (bytes === null || bytes.length !== keyBytes || bytes.every((byte) => byte === bytes[0]))
    throw new Error(`${fingerprintSetting} must be ${keyBytes} random bytes as canonical base64.`);
  const importing = crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return async (provider, key) => {
    // No provider's name has a blank.
    const signed = new TextEncoder().encode(`${provider} ${key}`);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", await importing, signed));
    return toHex(mac.subarray(0, shownBytes));
  };
}
