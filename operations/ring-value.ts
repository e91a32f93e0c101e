import { keyRingSetting, parseKeyRing } from "../shared/keys/key-ring.ts";

/** A key ring as its setting has it. */
export interface KeyRingValue {
  active: string;
  keys: Record<string, string>;
}

/**
 * Reads the text of a key ring.
 * @returns null where it is absent or empty
 * @throws Error when it is not a key ring
 */
export function readRingValue(setting: string | undefined): KeyRingValue | null {
  return parseKeyRing(setting) === null ? null : JSON.parse(setting as string);
}

/** The error of who needs a key ring and has none. */
export function noKeyRing(): Error {
  return new Error(`${keyRingSetting} is not set: "npm run --silent keys -- new-root" makes one.`);
}

/** The number in a name such as k12; 0 for another name. */
export function numberOf(kid: string): bigint {
  return BigInt(/^k(\d+)$/.exec(kid)?.[1] ?? 0);
}

/** The root key that was added last: the highest of k1, k2, …; undefined where none is called so. */
export function newestOf(kids: string[]): string | undefined {
  const [newest] = kids.toSorted((a, b) => (numberOf(a) < numberOf(b) ? 1 : -1));
  return newest !== undefined && numberOf(newest) > 0n ? newest : undefined;
}
