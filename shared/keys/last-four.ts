/** Of a shorter key, four characters would be too large a part. */
const shortestShown = 20;

/** The end of a key, for people to recognise it by; null where it is too short to show any of it. */
export function lastFourOf(key: string): string | null {
  return key.length >= shortestShown ? key.slice(-4) : null;
}
