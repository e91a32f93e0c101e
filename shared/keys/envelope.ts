import { createSecret, type Secret } from "../domain/secret.ts";
import { decodeBase64Url, encodeBase64Url } from "./base64.ts";
import { equalBytes } from "./equal-bytes.ts";
import { type KeyRing, keyRingSetting } from "./key-ring.ts";

/** What a sealed secret belongs to: it opens nowhere else. */
export interface Binding {
  /** `platform`, or the id of a user. */
  owner: string;
  provider: string;
  /** The id of the row that holds it. */
  record: string;
  /** The address that it may be sent to, where that is not the provider's own: otherwise whoever can change a row has it sent to theirs. */
  baseUrl?: string | null;
}

export interface Envelopes {
  /** Names the root key that secrets are sealed under. */
  readonly activeKid: string;
  /** Seals a secret under the active root key. @throws TypeError for a text that UTF-8 cannot hold: a lone surrogate */
  seal(secretText: string, binding: Binding): Promise<string>;
  /** @throws EnvelopeError */
  open(envelope: string, binding: Binding): Promise<Secret>;
}

const faults = {
  malformed: "The sealed key is not an envelope.",
  unknown_root: `The sealed key names a root key that ${keyRingSetting} does not have.`,
  not_authentic: "The sealed key was changed, or sealed for another row, or with another root key.",
};

/** A sealed secret that does not open. It says why, for the log, and nothing about what is inside. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
  readonly fault: keyof typeof faults;

  constructor(fault: keyof typeof faults) {
    super(faults[fault]);
    this.fault = fault;
  }
}

const pattern = /^v1\.([a-z0-9][a-z0-9_-]{0,31})\.([\w-]+)$/;
const algorithm = "v1 HKDF-SHA256 AES-256-GCM";
const info = new TextEncoder().encode("sluice sealed key v1");
const saltBytes = 16;
const ivBytes = 12;
const commitmentBytes = 32;
const aesKeyBytes = 32;
const tagBytes = 16;
const headBytes = saltBytes + ivBytes + commitmentBytes;

/** Names the root key that an envelope was sealed under; undefined for what is none. */
export function readKid(envelope: string): string | undefined {
  return pattern.exec(envelope)?.[1];
}

/**
 * Seals and opens secrets: `v1.<kid>.<base64url(salt | iv | commitment | ciphertext and tag)>`.
 * Each envelope has a key of its own, derived with its salt, so that no number of them wears out an AES key. The commitment is
 * derived beside it: AES-GCM alone lets one ciphertext be made that opens under two keys. The additional data holds what the
 * envelope is bound to, so that a row copied into another does not open.
 */
export function createEnvelopes(ring: KeyRing): Envelopes {
  async function deriveKeys(kid: string, salt: BufferSource, usage: "encrypt" | "decrypt") {
    const derived = await ring.derive(kid, salt, info, aesKeyBytes + commitmentBytes);
    if (derived === null) throw new EnvelopeError("unknown_root");
    const keyData = new Uint8Array(derived, 0, aesKeyBytes);
    const commitment = new Uint8Array(derived, aesKeyBytes);
    const key = await crypto.subtle.importKey("raw", keyData, "AES-GCM", false, [usage]);
    return { key, commitment };
  }

  return {
    activeKid: ring.activeKid,

    async seal(secretText, binding) {
      const kid = ring.activeKid;
      const plaintext = encodeText(secretText);
      const additionalData = encodeBinding(kid, binding);
      // Taken here and not handed in: a salt and an IV that come twice would give the secrets away.
      const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
      const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
      const { key, commitment } = await deriveKeys(kid, salt, "encrypt");
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plaintext);
      const payload = joinBytes([salt, iv, commitment, new Uint8Array(sealed)]);
      return `v1.${kid}.${encodeBase64Url(payload)}`;
    },

    async open(envelope, binding) {
      const [, kid = "", text = ""] = pattern.exec(envelope) ?? [];
      const payload = decodeBase64Url(text);
      if (payload === null || payload.length < headBytes + tagBytes) throw new EnvelopeError("malformed");
      const additionalData = encodeBinding(kid, binding);
      const salt = payload.subarray(0, saltBytes);
      const iv = payload.subarray(saltBytes, saltBytes + ivBytes);
      const { key, commitment } = await deriveKeys(kid, salt, "decrypt");
      if (!equalBytes(commitment, payload.subarray(saltBytes + ivBytes, headBytes)))
        throw new EnvelopeError("not_authentic");
      const plaintext = await crypto.subtle
        .decrypt({ name: "AES-GCM", iv, additionalData }, key, payload.subarray(headBytes))
        .catch(() => {
          throw new EnvelopeError("not_authentic");
        });
      return createSecret(new TextDecoder("utf-8", { ignoreBOM: true }).decode(plaintext));
    },
  };
}

/** Every part with its length before it, so that no two bindings are written alike. */
function encodeBinding(kid: string, { owner, provider, record, baseUrl }: Binding) {
  const parts = [algorithm, kid, owner, provider, record, ...(baseUrl ? [baseUrl] : [])].map(encodeText);
  return joinBytes(parts.flatMap((part) => [encodeLength(part.length), part]));
}

function encodeLength(length: number) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

function encodeText(text: string) {
  if (!text.isWellFormed()) throw new TypeError("A text with a lone surrogate cannot be sealed or bound.");
  return new TextEncoder().encode(text);
}

function joinBytes(parts: Uint8Array[]) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
