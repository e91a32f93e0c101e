const mostNames = 10_000;

/** Counts the calls that carry a name. */
export function createAttempts() {
  const counts = new Map<string, number>();
  /** Counts one more call under `name`, and returns how many there are now. */
  return function count(name: string): number {
    const now = (counts.get(name) ?? 0) + 1;
    counts.set(name, now);
    const [oldest] = counts.keys();
    if (counts.size > mostNames && oldest !== undefined) counts.delete(oldest);
    return now;
  };
}
