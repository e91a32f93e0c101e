import { maxContinuationLength } from "../domain/chat-message.ts";
import { parseObject } from "./google-wire.ts";
import { isText } from "./untrusted.ts";

/** Bytes in base64, of either alphabet. */
const base64 = /^[\w+/-]+={0,2}$/;

/**
 * Packs the signatures of an answer's function calls, in their order, for the request that brings the results; undefined where there is
 * nothing to bring back. Names the model, because a signature holds for the one that wrote it.
 */
export function packSignatures(upstreamModel: string, signatures: (string | null)[]): string | undefined {
  if (signatures.every((signature) => signature === null)) return undefined;
  return JSON.stringify({ provider: "google", model: upstreamModel, signatures });
}

/** The signatures in a continuation, by the call's index. None where it is another provider's or model's, or was made up. */
export function unpackSignatures(upstreamModel: string, continuation: string | undefined): unknown[] {
  const packed = continuation === undefined ? undefined : parseObject(continuation);
  if (packed?.provider !== "google" || packed.model !== upstreamModel) return [];
  return Array.isArray(packed.signatures) ? packed.signatures : [];
}

/** Whether a value is a signature, as far as can be seen, and one that can be sent back. */
export function isSignature(value: unknown): value is string {
  return isText(value) && value.length <= maxContinuationLength && base64.test(value);
}
