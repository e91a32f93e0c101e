import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";

const sql = connectDatabase();

const minutes = (date: Date) => date.toISOString().replace(/:00\.000Z$/, "");

async function monthOf(anchor: string, at: string): Promise<string[]> {
  const [period] = await sql<[{ period_start: Date; period_end: Date }]>`
    select (private.month_of(${anchor}, ${at})).*`;
  return [minutes(period.period_start), minutes(period.period_end)];
}

test.each([
  // An ordinary day of the month.
  ["2026-01-15T10:30Z", "2026-02-20T00:00Z", "2026-02-15T10:30", "2026-03-15T10:30"],
  ["2026-01-15T10:30Z", "2026-02-15T10:29Z", "2026-01-15T10:30", "2026-02-15T10:30"],
  ["2026-01-15T10:30Z", "2026-02-15T10:30Z", "2026-02-15T10:30", "2026-03-15T10:30"],
  // The moment of the anchor itself, and times before it.
  ["2026-01-15T10:30Z", "2026-01-15T10:30Z", "2026-01-15T10:30", "2026-02-15T10:30"],
  ["2026-01-15T10:30Z", "2025-12-24T00:00Z", "2025-12-15T10:30", "2026-01-15T10:30"],
  // The 31st: the last day of shorter months, and the 31st again after them.
  ["2026-01-31T12:00Z", "2026-02-10T00:00Z", "2026-01-31T12:00", "2026-02-28T12:00"],
  ["2026-01-31T12:00Z", "2026-02-28T12:00Z", "2026-02-28T12:00", "2026-03-31T12:00"],
  ["2026-01-31T12:00Z", "2026-03-30T00:00Z", "2026-02-28T12:00", "2026-03-31T12:00"],
  ["2026-01-31T12:00Z", "2026-04-30T12:00Z", "2026-04-30T12:00", "2026-05-31T12:00"],
  ["2026-01-31T12:00Z", "2027-01-31T12:00Z", "2027-01-31T12:00", "2027-02-28T12:00"],
  // The 30th and the 29th, in years with and without a leap day.
  ["2026-01-30T00:00Z", "2026-03-29T00:00Z", "2026-02-28T00:00", "2026-03-30T00:00"],
  ["2026-01-29T00:00Z", "2026-02-28T00:00Z", "2026-02-28T00:00", "2026-03-29T00:00"],
  ["2026-01-31T12:00Z", "2028-02-29T12:00Z", "2028-02-29T12:00", "2028-03-31T12:00"],
  ["2028-02-29T06:00Z", "2028-03-28T00:00Z", "2028-02-29T06:00", "2028-03-29T06:00"],
  ["2028-02-29T06:00Z", "2029-02-28T07:00Z", "2029-02-28T06:00", "2029-03-29T06:00"],
  // Across the turn of the year.
  ["2025-12-31T23:59Z", "2026-02-28T23:58Z", "2026-01-31T23:59", "2026-02-28T23:59"],
])("the month of an anchor at %s that contains %s is from %s to %s", async (anchor, at, start, end) => {
  expect(await monthOf(anchor, at)).toEqual([start, end]);
});

test("months contain the moment they were asked for, and follow each other without gap or overlap", async () => {
  const wrong = await sql`
    select anchor, at, month, next
    from generate_series(timestamptz '2027-12-25 07:11Z', '2028-03-05 07:11Z', interval '1 day') anchor
    cross join generate_series(timestamptz '2026-12-20 00:00Z', '2029-04-10 00:00Z', interval '31 hours') at
    cross join lateral private.month_of(anchor, at) month
    cross join lateral private.month_of(anchor, month.period_end) next
    where at < month.period_start or at >= month.period_end or next.period_start <> month.period_end
    limit 5`;
  expect([...wrong]).toEqual([]);
});
