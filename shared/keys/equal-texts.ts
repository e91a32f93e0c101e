import { equalBytes } from "./equal-bytes.ts";

/** Whether two secret texts are the same: their digests are compared, so that the time it takes tells nothing, not even of lengths. */
export async function equalTexts(a: string, b: string): Promise<boolean> {
  const [digestOfA, digestOfB] = await Promise.all([digest(a), digest(b)]);
  return equalBytes(digestOfA, digestOfB);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
