/** What decides how often a key of the pool is called with. */
interface Share {
  weight: number;
  useCount: number;
}

/**
 * Keys of one provider in the order of trying, drawn by lot with their weights (as routes of one rank are: see candidates.ts), so that
 * chats that begin together spread over all of them. A key that has had less than its share so far is drawn up to twice as often, one
 * that has had more down to half as often: counts come to agree with weights, and a key that was just added is not rushed at.
 * @param random from 0 up to 1
 */
export function orderKeys<Key extends Share>(keys: Key[], random: () => number): Key[] {
  const weights = keys.reduce((sum, { weight }) => sum + weight, 0);
  const uses = keys.reduce((sum, { useCount }) => sum + useCount, 0);
  return keys
    .map((key) => {
      const due = ((uses * key.weight) / weights + 1) / (key.useCount + 1);
      const weight = key.weight * Math.min(2, Math.max(0.5, due));
      return { key, lot: -Math.log(1 - random()) / weight };
    })
    .sort((a, b) => a.lot - b.lot)
    .map(({ key }) => key);
}
