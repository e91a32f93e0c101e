import { randomBytes } from "node:crypto";
import { newestOf, numberOf, readRingValue } from "./ring-value.ts";

/**
 * Adds a random root key to the text of a key ring. The active one stays: functions that do not have the new key yet could not
 * open what is sealed under it.
 * @param setting absent or empty for a first ring, whose only key is active
 * @throws Error when the setting is not a key ring
 */
export function addRootKey(setting: string | undefined): { kid: string; active: string; value: string } {
  const { active, keys } = readRingValue(setting) ?? { active: "k1", keys: {} };
  // Above every number there is: the name of a key that was dropped long ago should not mean another one.
  const kid = `k${numberOf(newestOf(Object.keys(keys)) ?? "") + 1n}`;
  const value = { active, keys: { ...keys, [kid]: randomBytes(32).toString("base64") } };
  return { kid, active, value: JSON.stringify(value) };
}
