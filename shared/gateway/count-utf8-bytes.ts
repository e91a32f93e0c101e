const encoder = new TextEncoder();

/** UTF-8 bytes of a text. */
export function countUtf8Bytes(text: string): number {
  return encoder.encode(text).length;
}
