import type { SealedKey } from "../domain/sealed-key.ts";
import type { Secret } from "../domain/secret.ts";
import { createEnvelopes, EnvelopeError, type Envelopes, readKid } from "./envelope.ts";
import type { KeyRing } from "./key-ring.ts";

/** A key that was opened: what an adapter takes as a credential. */
interface OpenedKey {
  /** `key:` for the platform's, `byok:` for a caller's own, and the id of its row: what the database calls it. */
  readonly id: string;
  readonly key: Secret;
}

/** A key that was read under an old root key, and the same one sealed under the active one. */
export interface Resealed {
  id: string;
  sealedKey: string;
  resealed: string;
}

export interface SealedCredentials {
  /**
   * Opens a key. While it is remembered, the same sealed text gives the same object, which is what adapters know a key by.
   * @throws EnvelopeError, each time anew: a key that does not open is not remembered
   */
  open(sealed: SealedKey): Promise<OpenedKey>;
}

/** A chat needs a few; beyond it the oldest is opened again. */
const maxRemembered = 1_000;

/**
 * @param ring null where the service has no root keys: then no key opens
 * @param onResealed told of each key that was sealed under another root key than the active one
 */
export function createSealedCredentials(
  ring: KeyRing | null,
  onResealed: (resealed: Resealed) => void,
): SealedCredentials {
  const envelopes = ring === null ? null : createEnvelopes(ring);
  const remembered = new Map<string, Promise<OpenedKey>>();

  async function openAnew(envelopes: Envelopes, sealed: SealedKey): Promise<OpenedKey> {
    const { id, provider, sealedKey, userId, baseUrl } = sealed;
    const binding = { owner: userId ?? "platform", provider, record: id, baseUrl };
    const key = await envelopes.open(sealedKey, binding);
    if (readKid(sealedKey) !== envelopes.activeKid)
      onResealed({ id, sealedKey, resealed: await envelopes.seal(key.reveal(), binding) });
    return Object.freeze({ id: `${userId === null ? "key" : "byok"}:${id}`, key });
  }

  function forgetOldest(): void {
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  }

  return {
    async open(sealed) {
      if (envelopes === null) throw new EnvelopeError("unknown_root");
      // With what it is bound to: otherwise a remembered text would open in another row.
      const name = JSON.stringify([
        sealed.userId,
        sealed.provider,
        sealed.id,
        sealed.baseUrl,
        sealed.sealedKey,
      ]);
      const known = remembered.get(name);
      if (known !== undefined) return known;

      const opening = openAnew(envelopes, sealed);
      remembered.set(name, opening);
      opening.then(forgetOldest, () => remembered.delete(name));
      return opening;
    },
  };
}
