import { decodeBase64 } from "./base64.ts";

/** The root keys under which stored keys are sealed. They stay inside, so that a key management service could stand in its place. */
export interface KeyRing {
  /** Names the root key that new envelopes are sealed under. */
  readonly activeKid: string;
  /** Bytes that only this root key gives for a salt and a purpose; null where the ring has no root key of that name. */
  derive(
    kid: string,
    salt: BufferSource,
    info: BufferSource,
    byteLength: number,
  ): Promise<ArrayBuffer | null>;
}

/** The setting that holds the root keys: `{"active":"k2","keys":{"k1":"<base64 of 32 bytes>",…}}`. */
export const keyRingSetting = "BYOK_KEYS";

const rootKeyBytes = 32;
const kidPattern = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/**
 * Reads the key ring from the text of its setting, by HKDF-SHA256 (RFC 5869).
 * @returns null where the setting is absent or empty: then nothing can be sealed or opened
 * @throws Error naming the setting and the fault, and nothing of a key: a function must not start with half a ring
 */
export function parseKeyRing(text: string | undefined): KeyRing | null {
  if (!text) return null;
  const { active, keys } = parseSetting(text);
  // Imported at once: from here on the bytes are out of reach.
  const roots = new Map(
    [...keys].map(([kid, bytes]) => [
      kid,
      crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]),
    ]),
  );
  return {
    activeKid: active,
    async derive(kid, salt, info, byteLength) {
      const root = await roots.get(kid);
      if (root === undefined) return null;
      return crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, root, byteLength * 8);
    },
  };
}

function parseSetting(text: string) {
  const setting = parseJson(text);
  if (!isObject(setting) || Object.keys(setting).sort().join() !== "active,keys" || !isObject(setting.keys))
    throw fault('must be a JSON object with exactly "active" and "keys", and "keys" an object');

  const { active } = setting;
  const keys = new Map(Object.entries(setting.keys).map(([kid, value]) => [kid, parseRootKey(kid, value)]));
  // Of two members with one name JSON.parse keeps the last: a root key would be lost without a word.
  if ([...text.matchAll(/"\s*:/g)].length !== keys.size + 2) throw fault("names something twice");
  if (typeof active !== "string" || !keys.has(active)) throw fault('must have the "active" key among "keys"');
  // Canonical base64: the same text is the same key.
  if (new Set(Object.values(setting.keys)).size !== keys.size)
    throw fault("has the same key under two names");
  return { active, keys };
}

function parseRootKey(kid: string, value: unknown) {
  // A name that is no name may be a key in the wrong place: it is not shown.
  if (!kidPattern.test(kid))
    throw fault('has a key whose name is not 1 to 32 of a-z, 0-9, "_" and "-", a letter or digit first');
  const bytes = typeof value === "string" ? decodeBase64(value) : null;
  if (bytes === null) throw fault(`has a key that is not canonical base64: ${kid}`);
  if (bytes.length !== rootKeyBytes)
    throw fault(`has a key of ${bytes.length} bytes, not ${rootKeyBytes}: ${kid}`);
  if (bytes.every((byte) => byte === bytes[0])) throw fault(`has a key whose bytes are all the same: ${kid}`);
  return bytes;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw fault("is not JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(what: string): Error {
  return new Error(`${keyRingSetting} ${what}.`);
}
