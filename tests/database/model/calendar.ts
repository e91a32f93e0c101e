// When windows begin and end, computed without the database: months by counting, days by reading the wall clock of a zone.

/** From its start, which it contains, to its end; milliseconds since 1970, Infinity for one that never ends. */
export interface Period {
  start: number;
  end: number;
}

export type WindowName = "minute" | "day" | "month" | "instant";

/** What decides when a caller's days and months begin. */
export interface Calendar {
  /** Months begin at this moment plus n months. */
  anchor: number;
  /** The period that is paid for, whose months take the place of the anchor's. */
  paid: Period | null;
  zone: string;
  /** The day in which the zone was changed. */
  longDay: Period | null;
}

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The same time of the same day so many months later (UTC), or of the last day of a month that is too short. */
export function addMonths(at: number, months: number): number {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(date.getUTCDate(), lastDay)) + (at - floorTo(at, day));
}

/** The month that contains a moment, of those that begin at the anchor plus n months. */
export function monthOf(anchor: number, at: number): Period {
  let months = 0;
  while (addMonths(anchor, months + 1) <= at) months++;
  while (addMonths(anchor, months) > at) months--;
  return { start: addMonths(anchor, months), end: addMonths(anchor, months + 1) };
}

/** The day of a zone that contains a moment. */
export function dayOf(zone: string, at: number): Period {
  let date = Math.floor(wallClock(zone, at) / day);
  if (startOfDate(zone, date) > at) date--;
  return { start: startOfDate(zone, date), end: startOfDate(zone, date + 1) };
}

/** The window of a calendar that contains a moment. */
export function periodOf(window: WindowName, calendar: Calendar, at: number): Period {
  const { anchor, paid, longDay } = calendar;
  switch (window) {
    case "instant":
      return { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
    case "minute":
      return { start: floorTo(at, minute), end: floorTo(at, minute) + minute };
    case "day":
      return longDay && contains(longDay, at) ? longDay : dayOf(calendar.zone, at);
    case "month": {
      if (paid === null) return monthOf(anchor, at);
      // Before and after what is paid for, months are counted from its nearer end.
      if (!contains(paid, at)) return monthOf(at < paid.start ? paid.start : paid.end, at);
      // A period of a month is one window, whatever its days: from 28 February to 31 March.
      if (paid.end <= addMonths(paid.start, 1) + 3 * day) return paid;
      const { start, end } = monthOf(paid.start, at);
      return { start, end: Math.min(end, paid.end) };
    }
  }
}

/**
 * The day of a change of zone, from its start on: it ends at the first midnight of the new zone that is not before the end it had.
 * `today` is the running day before the change.
 */
export function longDayOf(today: Period, zone: string): Period {
  const next = dayOf(zone, today.end);
  return { start: today.start, end: next.start === today.end ? next.start : next.end };
}

export function contains({ start, end }: Period, at: number): boolean {
  return start <= at && at < end;
}

const starts = new Map<string, number>();

/** When a date of a zone begins: the last moment at which the clocks there show its midnight, or jump over it. */
function startOfDate(zone: string, date: number): number {
  const key = `${zone} ${date}`;
  const known = starts.get(key);
  if (known !== undefined) return known;
  // Clocks are changed by three hours at most, and at a quarter of an hour.
  const noon = date * day + 12 * hour;
  const guess = date * day - (wallClock(zone, noon) - noon);
  let start = Number.NaN;
  for (let at = guess + 3 * hour; Number.isNaN(start) && at > guess - 3 * hour; at -= 15 * minute)
    if (
      wallClock(zone, at) === date * day ||
      (wallClock(zone, at) > date * day && wallClock(zone, at - 1) < date * day)
    )
      start = at;
  starts.set(key, start);
  return start;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What clocks of a zone show at a moment, as if they were UTC. */
function wallClock(zone: string, at: number): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en", {
      timeZone: zone,
      hourCycle: "h23",
      ...({ year: "numeric", month: "numeric", day: "numeric" } as const),
      ...({ hour: "numeric", minute: "numeric", second: "numeric" } as const),
    });
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const read = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) as number;
  return (
    Date.UTC(read("year"), read("month") - 1, read("day"), read("hour"), read("minute"), read("second")) +
    (at - floorTo(at, second))
  );
}

export function floorTo(at: number, unit: number): number {
  return Math.floor(at / unit) * unit;
}
