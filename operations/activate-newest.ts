import { keyRingSetting } from "../shared/keys/key-ring.ts";
import { newestOf, noKeyRing, readRingValue } from "./ring-value.ts";

export interface Activation {
  /** The newest root key, active in `value`. */
  kid: string;
  /** The one that was active before: the same where there was nothing to do. */
  before: string;
  /** How many root keys there are. */
  count: number;
  value: string;
}

/**
 * Makes the newest root key of a key ring's text the active one.
 * @throws Error when the setting is not a key ring, or names no key so that it is known which is the newest
 */
export function activateNewest(setting: string | undefined): Activation {
  const ring = readRingValue(setting);
  if (ring === null) throw noKeyRing();
  const kids = Object.keys(ring.keys);
  // Of one key it is known, whatever it is called.
  const kid = kids.length === 1 ? kids[0] : newestOf(kids);
  if (kid === undefined)
    throw new Error(
      `${keyRingSetting} has no root key called k1, k2 and so on, so that none is known as the newest: add one with ` +
        `"npm run --silent keys -- new-root".`,
    );
  return {
    kid,
    before: ring.active,
    count: kids.length,
    value: JSON.stringify({ active: kid, keys: ring.keys }),
  };
}
