/** An answer that came whole: 8 MiB of text, which JSON may write in twice as many bytes. */
export const maxAnswerBytes = 16 * 1024 * 1024;

/** The vectors of one call: 2048 of 3072 decimals are 80 MB. */
export const maxVectorBytes = 128 * 1024 * 1024;

/**
 * The text of a body of at most so many bytes.
 * @throws RangeError where it is longer; what the network throws where it breaks off
 */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  // Leaving the loop early cancels the body: the connection is given back.
  for await (const bytes of response.body ?? []) {
    size += bytes.length;
    if (size > maxBytes) throw new RangeError(`the body exceeds ${maxBytes} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}
