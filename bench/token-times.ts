/** A part of a body, and when it was read. */
export interface TimedPiece {
  atMs: number;
  bytes: Buffer;
}

/** The simulator makes every token of a text so many UTF-8 bytes long. */
const tokenBytes = 4;
/** The text of an event, ours or of any provider's format. */
const textMember = /"(?:text|content)":("(?:[^"\\]|\\.)*")/;

/**
 * When each token of a streamed answer had arrived: with the read that completed its event. Several tokens may share an event, because
 * ai-chat passes on in one what it read in one.
 */
export function readTokenTimes(pieces: readonly TimedPiece[]): Float64Array {
  const decoder = new TextDecoder();
  const times: number[] = [];
  let rest = "";
  for (const { atMs, bytes } of pieces) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop() as string;
    for (const event of events) for (let left = countTokens(event); left > 0; left--) times.push(atMs);
  }
  return Float64Array.from(times);
}

function countTokens(event: string): number {
  const text = textMember.exec(event)?.[1];
  return text === undefined ? 0 : Math.round(Buffer.byteLength(JSON.parse(text)) / tokenBytes);
}

/** How much later each token came than the one before it. */
export function toGaps(times: Float64Array): Float64Array {
  return times.slice(1).map((time, index) => time - (times[index] as number));
}

/**
 * How late each token of an even pace came. The pace is taken from the token that came earliest for its place, so that no clock
 * needs to be shared with the sender.
 */
export function toLateness(times: Float64Array, periodMs: number): Float64Array {
  const offsets = times.map((time, index) => time - index * periodMs);
  const least = offsets.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return offsets.map((offset) => offset - least);
}
