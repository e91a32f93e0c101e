import type { Secret } from "../domain/secret.ts";
import { createEnvelopes, EnvelopeError } from "./envelope.ts";
import type { KeyRing } from "./key-ring.ts";

/** A key of a provider as the database hands it out. */
export interface SealedKey {
  /** The id of its row. */
  id: string;
  sealedKey: string;
}

/** A key that was opened: what an adapter takes as a credential. */
interface OpenedKey {
  /** `key:<id of the row>`: what the database calls it where keys of the environment have names too. */
  readonly id: string;
  readonly key: Secret;
}

export interface SealedCredentials {
  /**
   * Opens a key of the platform. While it is remembered, the same sealed text gives the same object, which is what adapters
   * know a key by.
   * @throws EnvelopeError, each time anew: a key that does not open is not remembered
   */
  open(provider: string, sealed: SealedKey): Promise<OpenedKey>;
}

/** More keys than a platform has; beyond it the oldest is opened again. */
const maxRemembered = 1_000;

/** @param ring null where the service has no root keys: then no key opens */
export function createSealedCredentials(ring: KeyRing | null): SealedCredentials {
  const envelopes = ring === null ? null : createEnvelopes(ring);
  const remembered = new Map<string, Promise<OpenedKey>>();

  async function openAnew(provider: string, { id, sealedKey }: SealedKey): Promise<OpenedKey> {
    if (envelopes === null) throw new EnvelopeError("unknown_root");
    const key = await envelopes.open(sealedKey, { owner: "platform", provider, record: id });
    return Object.freeze({ id: `key:${id}`, key });
  }

  function forgetOldest(): void {
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  }

  return {
    open(provider, sealed) {
      // With what it is bound to: otherwise a remembered text would open in another row.
      const name = JSON.stringify([provider, sealed.id, sealed.sealedKey]);
      const known = remembered.get(name);
      if (known !== undefined) return known;

      const opening = openAnew(provider, sealed);
      remembered.set(name, opening);
      opening.then(forgetOldest, () => remembered.delete(name));
      return opening;
    },
  };
}
