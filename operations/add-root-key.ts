import { randomBytes } from "node:crypto";
import { parseKeyRing } from "../shared/keys/key-ring.ts";

interface KeyRingValue {
  active: string;
  keys: Record<string, string>;
}

/**
 * Adds a random root key to the text of a key ring. The active one stays: functions that do not have the new key yet could not
 * open what is sealed under it.
 * @param setting absent or empty for a first ring, whose only key is active
 * @throws Error when the setting is not a key ring
 */
export function addRootKey(setting: string | undefined): { kid: string; active: string; value: string } {
  const isFirst = parseKeyRing(setting) === null;
  const { active, keys }: KeyRingValue = isFirst ? { active: "k1", keys: {} } : JSON.parse(setting as string);
  // Above every number there is: the name of a key that was dropped long ago should not mean another one.
  const numbers = Object.keys(keys).map((name) => Number(/^k(\d{1,9})$/.exec(name)?.[1] ?? 0));
  let number = Math.max(0, ...numbers) + 1;
  while (Object.hasOwn(keys, `k${number}`)) number++;
  const kid = `k${number}`;
  const value = { active, keys: { ...keys, [kid]: randomBytes(32).toString("base64") } };
  return { kid, active, value: JSON.stringify(value) };
}
