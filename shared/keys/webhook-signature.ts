import { decodeBase64, encodeBase64 } from "./base64.ts";

/** What a webhook is sent beside its body, so that its receiver knows who sent it, and when. */
export interface SignedHeaders extends Record<string, string> {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

/**
 * Signs a message.
 * @param id the same for every try
 * @param sentAtMs milliseconds since the epoch
 */
export type SignWebhook = (message: { id: string; sentAtMs: number; body: string }) => Promise<SignedHeaders>;

const minKeyBytes = 24;
const maxKeyBytes = 64;

/**
 * Makes what signs webhooks, as Standard Webhooks says: HMAC-SHA256 over id, seconds and body.
 * @param secret `whsec_` and 24 to 64 bytes of base64
 * @returns null where the secret is none
 */
export function createWebhookSigner(secret: string): SignWebhook | null {
  const bytes = secret.startsWith("whsec_") ? decodeBase64(secret.slice("whsec_".length)) : null;
  if (bytes === null || bytes.length < minKeyBytes || bytes.length > maxKeyBytes) return null;
  const importing = crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return async ({ id, sentAtMs, body }) => {
    const seconds = String(Math.floor(sentAtMs / 1000));
    const signed = new TextEncoder().encode(`${id}.${seconds}.${body}`);
    const signature = new Uint8Array(await crypto.subtle.sign("HMAC", await importing, signed));
    return {
      "webhook-id": id,
      "webhook-timestamp": seconds,
      "webhook-signature": `v1,${encodeBase64(signature)}`,
    };
  };
}
