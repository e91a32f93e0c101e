import { SluiceError } from "../domain/errors.ts";
import { createSecret } from "../domain/secret.ts";
import type { Envelopes } from "../keys/envelope.ts";
import { type Fingerprint, fingerprintSetting } from "../keys/fingerprint.ts";
import { keyRingSetting } from "../keys/key-ring.ts";
import { lastFourOf } from "../keys/last-four.ts";
import { type Provider, ProviderError } from "../providers/provider.ts";
import type { ProviderRegistry } from "../providers/registry.ts";

/** What a provider says of a key; `unverified` where it could not be asked. */
export type KeyVerdict = "valid" | "unverified" | "invalid";

/** A key that somebody wants to have stored. */
export interface GivenKey {
  provider: string;
  key: string;
  /** A server that is called in the place of the provider; null for the provider itself. */
  baseUrl: string | null;
}

/** What is stored of a key once it was examined. */
export interface ExaminedKey {
  id: string;
  provider: string;
  baseUrl: string | null;
  sealedKey: string;
  lastFour: string | null;
  fingerprint: string;
}

/** Looks at keys before they are stored, and seals them. */
export interface KeyExaminer {
  /**
   * Whether a key can be stored at all, before anybody is asked.
   * @throws SluiceError invalid_request for a provider or an address that there cannot be, and for a key that is plainly another provider's
   */
  inspect(given: GivenKey): void;
  /** Asks the provider. Costs nothing. */
  ask(given: GivenKey): Promise<KeyVerdict>;
  fingerprint(given: GivenKey): Promise<string>;
  /** @param owner `platform`, or the id of a user */
  seal(given: GivenKey, owner: string, id: string): Promise<ExaminedKey>;
}

interface ExaminerOptions {
  providers: ProviderRegistry;
  /** Null where the service has none: then no key can be stored. */
  envelopes: Envelopes | null;
  fingerprint: Fingerprint | null;
}

/** How long a provider may take to say whether it accepts a key. */
const patienceMs = 5_000;

export function createKeyExaminer({ providers, envelopes, fingerprint }: ExaminerOptions): KeyExaminer {
  function configured() {
    if (envelopes !== null && fingerprint !== null) return { envelopes, fingerprint };
    throw new SluiceError("not_configured", {
      message: `Keys cannot be stored here: the operator has to set ${keyRingSetting} and ${fingerprintSetting}.`,
    });
  }

  /** @throws SluiceError invalid_request where there is none */
  function findProvider({ provider: name, baseUrl }: GivenKey): Provider {
    const found = providers.get(name);
    if (found === undefined)
      throw new SluiceError("invalid_request", {
        param: "provider",
        message: `provider: there is no ${name}: use one of ${[...providers.keys()].join(", ")}.`,
      });
    if (baseUrl === null) return found.provider;
    const there = found.at(baseUrl);
    if (there !== null) return there;
    throw new SluiceError("invalid_request", {
      param: "baseUrl",
      message:
        "baseUrl: other servers are not called here, or not in the place of this provider: leave it out.",
    });
  }

  return {
    inspect(given) {
      configured();
      findProvider(given);
      const own = providers.get(given.provider)?.keyPrefix ?? null;
      if (given.baseUrl !== null || (own !== null && given.key.startsWith(own))) return;
      // It would be shown to the wrong provider.
      for (const [name, { keyPrefix }] of providers)
        if (keyPrefix !== null && name !== given.provider && given.key.startsWith(keyPrefix))
          throw new SluiceError("invalid_request", {
            param: "key",
            message: `key: this looks like a key of ${name}: save it there.`,
          });
    },

    async ask(given) {
      const signal = AbortSignal.timeout(patienceMs);
      // Known for this one call: what adapters remember of it goes with it.
      const credential = { id: "given", key: createSecret(given.key) };
      try {
        return (await findProvider(given).checkKey({ credential, signal })) ? "valid" : "unverified";
      } catch (thrown) {
        if (!(thrown instanceof ProviderError)) throw thrown;
        if (thrown.failure === "credential") return "invalid";
        // Where the address is the caller's, it may as well mean that there is nothing to ask.
        return thrown.failure === "permission" && given.baseUrl === null ? "invalid" : "unverified";
      }
    },

    fingerprint: ({ provider, key }) => configured().fingerprint(provider, key),

    async seal(given, owner, id) {
      const { provider, key, baseUrl } = given;
      const { envelopes, fingerprint } = configured();
      return {
        ...{ id, provider, baseUrl },
        sealedKey: await envelopes.seal(key, { owner, provider, record: id, baseUrl }),
        lastFour: lastFourOf(key),
        fingerprint: await fingerprint(provider, key),
      };
    },
  };
}
