import { randomBytes } from "node:crypto";
import { EnvelopeError } from "../../../shared/keys/envelope.ts";
import { type KeyRing, parseKeyRing } from "../../../shared/keys/key-ring.ts";

/** A root key as the setting has it. */
export function randomRoot(): string {
  return randomBytes(32).toString("base64");
}

/** A ring of these root keys, the first of which is active. */
export function ringOf(keys: Record<string, string>): KeyRing {
  const ring = parseKeyRing(JSON.stringify({ active: Object.keys(keys)[0], keys }));
  if (ring === null) throw new Error("the setting is empty");
  return ring;
}

/** Why an envelope did not open; `opened` where it did. Anything else that is thrown goes on. */
export async function faultOf(opening: Promise<unknown>): Promise<EnvelopeError["fault"] | "opened"> {
  try {
    await opening;
    return "opened";
  } catch (thrown) {
    if (thrown instanceof EnvelopeError) return thrown.fault;
    throw thrown;
  }
}
