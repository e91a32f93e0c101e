/** A vector of length 1 that is always the same for the same text. */
export function sampleVector(text: string, dimensions: number): Float32Array {
  let seed = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) seed = Math.imul(seed ^ text.charCodeAt(at), 0x01000193);
  const vector = new Float32Array(dimensions);
  for (let at = 0; at < dimensions; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    vector[at] = seed / 2 ** 31 - 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
