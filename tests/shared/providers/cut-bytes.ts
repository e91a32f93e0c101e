/** Bytes in pieces that end at each of the positions, which may come in any order. */
export function cutAt(bytes: Uint8Array, positions: number[]): Uint8Array[] {
  const ends = [...positions, bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** Bytes in pieces of a size; the last one may be smaller. */
export function cutEvery(bytes: Uint8Array, size: number): Uint8Array[] {
  const positions = Array.from(
    { length: Math.floor((bytes.length - 1) / size) },
    (_, index) => (index + 1) * size,
  );
  return cutAt(bytes, positions);
}

/** A stream that gives one piece a read, as a network does. */
export function streamOf(pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  const rest = pieces.values();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = rest.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
