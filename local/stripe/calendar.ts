export const hourSeconds = 3600;
export const daySeconds = 24 * hourSeconds;

export interface Interval {
  interval: string;
  interval_count: number;
}

/**
 * The instant `count` intervals after the anchor, in seconds. A day that its month lacks becomes the month's last; the anchor, not the
 * period before, says which day that is.
 */
export function addIntervals(anchor: number, { interval, interval_count }: Interval, count: number): number {
  const steps = interval_count * count;
  if (interval === "day") return anchor + steps * daySeconds;
  if (interval === "week") return anchor + steps * 7 * daySeconds;
  const start = new Date(anchor * 1000);
  const months = start.getUTCMonth() + steps * (interval === "year" ? 12 : 1);
  const lastDay = new Date(Date.UTC(start.getUTCFullYear(), months + 1, 0)).getUTCDate();
  const moved = new Date(anchor * 1000);
  moved.setUTCFullYear(start.getUTCFullYear(), months, Math.min(start.getUTCDate(), lastDay));
  return moved.getTime() / 1000;
}

/** The end of the period that has begun at `instant`: the first one after it that is whole intervals from the anchor. */
export function endOfPeriod(anchor: number, interval: Interval, instant: number): number {
  let count = 0;
  while (addIntervals(anchor, interval, count) <= instant) count++;
  return addIntervals(anchor, interval, count);
}
