import { randomBytes } from "node:crypto";
import { EnvelopeError } from "../../../shared/keys/envelope.ts";
import { type KeyRing, parseKeyRing } from "../../../shared/keys/key-ring.ts";

/** A root key as the setting has it. */
export function randomRoot(): string {
  return randomBytes(32).toString("base64");
}

/** A ring of these root keys, the first of which is active unless another is named. */
export function ringOf(keys: Record<string, string>, active = Object.keys(keys)[0]): KeyRing {
  const ring = parseKeyRing(JSON.stringify({ active, keys }));
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
