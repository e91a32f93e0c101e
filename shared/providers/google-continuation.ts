import { parseObject } from "./google-wire.ts";
import { isText } from "./untrusted.ts";

/**
 * What ChatMessage allows. Without a continuation the model only loses the thread of its thoughts; with one that is too long a
 * client's next request would be refused. UTF-16 units.
 */
const maxLength = 262_144;

/** Bytes in base64, of either alphabet. */
const base64 = /^[\w+/-]+={0,2}$/;

/**
 * Packs the signatures of an answer's function calls, in their order, for the request that brings the results; undefined where there is
 * nothing to bring back. Names the model, because a signature holds for the one that wrote it.
 */
export function packSignatures(upstreamModel: string, signatures: (string | null)[]): string | undefined {
  if (signatures.every((signature) => signature === null)) return undefined;
  const continuation = JSON.stringify({ provider: "google", model: upstreamModel, signatures });
  return continuation.length <= maxLength ? continuation : undefined;
}

/** The signatures in a continuation, by the call's index. None where it is another provider's or model's, or was made up. */
export function unpackSignatures(upstreamModel: string, continuation: string | undefined): unknown[] {
  const packed = continuation === undefined ? undefined : parseObject(continuation);
  if (packed?.provider !== "google" || packed.model !== upstreamModel) return [];
  return Array.isArray(packed.signatures) ? packed.signatures : [];
}

/** Whether a value is a signature, as far as can be seen. */
export function isSignature(value: unknown): value is string {
  return isText(value) && base64.test(value);
}
