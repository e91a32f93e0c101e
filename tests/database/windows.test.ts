import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { connectClockDatabase } from "../support/clock-database.ts";
import { createRandom } from "../support/random.ts";

const { sql, setClock } = connectClockDatabase();

const none = {
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
};

/** Somebody new with so many tokens a window. */
async function signUp(window: "day" | "month", amount: number): Promise<string> {
  const planId = `test-${randomUUID().slice(0, 18)}`;
  await sql`insert into private.plans (id, name, rank) select ${planId}, 'Test', max(rank) + 1 from private.plans`;
  await sql`insert into private.plan_limits (plan_id, unit, "window", amount) values (${planId}, 'tokens', ${window}, ${amount})`;
  const [{ id }] = await sql<[{ id: string }]>`
    insert into auth.users (email, encrypted_password) values (${`${randomUUID()}@example.com`}, '') returning id`;
  await sql`update private.accounts set plan_id = ${planId}, anchor_at = test_clock.now() where user_id = ${id}`;
  return id;
}

async function hold(userId: string, tokens: number): Promise<string | null> {
  const item = { hold_id: randomUUID(), user_id: userId, service: "test", tokens, cost_nano: 0 };
  const [row] = await sql<
    [{ answer: { refusal?: string } }]
  >`select public.place_hold(${sql.json(item)}) as answer`;
  return row.answer.refusal === undefined ? item.hold_id : null;
}

async function settle(holdId: string | null, tokens: number): Promise<void> {
  expect(holdId).not.toBeNull();
  const item = { hold_id: holdId, usage: { ...none, output_tokens: tokens }, cost_nano: 0 };
  await sql`select public.settle_hold(${sql.json(item)})`;
}

async function spend(userId: string, tokens: number): Promise<boolean> {
  const holdId = await hold(userId, tokens);
  if (holdId !== null) await settle(holdId, tokens);
  return holdId !== null;
}

async function readWindow(userId: string) {
  const [window] = await sql`
    select epoch, used, held, period_start, period_end from private.usage_windows where user_id = ${userId}`;
  return window as { epoch: number; used: number; held: number; period_start: Date; period_end: Date };
}

const iso = (date: Date) => date.toISOString().replace(/:00\.000Z$/, "Z");

/** The month of an anchor, counted by the calendar and not by the database. */
function addMonths(anchor: Date, months: number): Date {
  const date = new Date(anchor);
  date.setUTCDate(1);
  date.setUTCMonth(anchor.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(anchor.getUTCDate(), lastDay));
  return date;
}

describe.each(["2026-01-29T10:30Z", "2026-01-30T10:30Z", "2026-01-31T10:30Z", "2028-02-29T10:30Z"])(
  "with an anchor on %s",
  (anchor) => {
    test("the budget begins anew each month for 48 months, on the anchor's day or the last one of a short month, and not a moment before", async () => {
      await setClock(anchor);
      const userId = await signUp("month", 10);
      for (let month = 0; month < 48; month++) {
        const [start, end] = [addMonths(new Date(anchor), month), addMonths(new Date(anchor), month + 1)];
        await setClock(start.getTime());
        expect(await spend(userId, 10)).toBe(true);
        const { period_start, period_end } = await readWindow(userId);
        expect([period_start, period_end]).toEqual([start, end]);
        await setClock(end.getTime() - 1000);
        expect(await spend(userId, 1)).toBe(false);
      }
    });
  },
);

describe.each([
  "America/Havana",
  "Africa/Cairo",
  "Asia/Beirut",
  "Europe/Berlin",
  "Australia/Lord_Howe",
  "Atlantic/Azores",
])("in %s", (zone) => {
  test("days begin at midnight, contain their moments and follow each other, over all changes of clocks of six years", async () => {
    const wrong = await sql`
        select at, day.period_start, day.period_end
        from generate_series(timestamptz '2024-01-01Z', '2030-01-01Z', interval '5 hours 7 minutes') at
        cross join lateral private.day_of(${zone}, at) day
        cross join lateral private.day_of(${zone}, day.period_end) next
        where at < day.period_start or at >= day.period_end or next.period_start <> day.period_end
          or day.period_end - day.period_start not between interval '23 hours' and interval '25 hours'
          or (to_char(day.period_start at time zone ${zone}, 'HH24:MI') not in ('00:00', '01:00'))`;
    expect([...wrong]).toEqual([]);
  });
});

test("whoever changes their zone never has a day of less than 23 hours, and changes it once a day", async () => {
  const zones = [
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "America/Havana",
    "Europe/Berlin",
    "Asia/Kolkata",
    "UTC",
  ];
  const random = createRandom(7);
  await setClock("2027-03-01T00:30Z");
  const userId = await signUp("day", 1);
  let time = Date.parse("2027-03-01T00:30Z");
  let last: { start: number; end: number } | null = null;
  let changes = 0;
  for (let step = 0; step < 400; step++) {
    time += random.integer(1, 9) * 3_600_000;
    await setClock(time);
    const [row] =
      await sql`select private.set_time_zone(${userId}, ${random.pick(zones)}) ->> 'refusal' as refusal`;
    if (row?.refusal === null) changes++;
    await hold(userId, 1);
    const { period_start, period_end } = await readWindow(userId);
    const [start, end] = [period_start.getTime(), period_end.getTime()];
    expect(end - start).toBeGreaterThanOrEqual(23 * 3_600_000);
    // A day that goes on may end later than was said, never earlier; a new one begins where the last one has ended.
    if (last !== null && start === last.start) expect(end).toBeGreaterThanOrEqual(last.end);
    else if (last !== null) expect(start).toBeGreaterThanOrEqual(last.end);
    last = { start, end };
  }
  expect(changes).toBeGreaterThan(30);
});

test.each([true, false])(
  "what is held before midnight is settled into its own day, and the new one begins with nothing (rolled by a job: %s)",
  async (isRolled) => {
    await setClock("2027-05-10T23:59Z");
    const userId = await signUp("day", 100);
    const holdId = await hold(userId, 60);
    await setClock("2027-05-11T00:01Z");
    if (isRolled) await sql`select private.roll_windows(1000)`;
    else expect(await spend(userId, 70)).toBe(true);
    await settle(holdId, 55);
    const { used, held, epoch, period_start } = await readWindow(userId);
    expect({ used, held, epoch, start: iso(period_start) }).toEqual({
      ...{ used: isRolled ? 0 : 70, held: 0, epoch: 2, start: "2027-05-11T00:00Z" },
    });
    expect(await sql`select * from private.metering_drift where user_id = ${userId}`).toHaveLength(0);
    const [charged] =
      await sql`select sum(output_tokens) as tokens from private.ledger where user_id = ${userId}`;
    expect(charged?.tokens).toBe(isRolled ? "55" : "125");
  },
);

test("months are those of the period that is paid for, whoever tells of it late or twice, and none is a reset", async () => {
  await setClock("2027-02-20T00:00Z");
  const userId = await signUp("month", 10);
  expect(await spend(userId, 8)).toBe(true);
  const pay = (from: string, until: string) =>
    sql`select private.set_paid_period(${userId}, ${from}, ${until})`;
  await setClock("2027-02-28T12:00Z");
  await pay("2027-02-28T12:00Z", "2027-03-31T12:00Z");
  expect(await spend(userId, 3)).toBe(false);
  expect(iso((await readWindow(userId)).period_end)).toBe("2027-03-31T12:00Z");
  // Renewed; heard of two days late, and again.
  await setClock("2027-03-31T13:00Z");
  expect(await spend(userId, 9)).toBe(true);
  await setClock("2027-04-02T12:00Z");
  for (let times = 0; times < 3; times++) await pay("2027-03-31T12:00Z", "2027-04-30T12:00Z");
  expect(await spend(userId, 2)).toBe(false);
  expect(iso((await readWindow(userId)).period_end)).toBe("2027-04-30T12:00Z");
  // A year that is paid for has months.
  await setClock("2027-04-30T12:00Z");
  await pay("2027-04-30T12:00Z", "2028-04-30T12:00Z");
  expect(await spend(userId, 10)).toBe(true);
  await setClock("2027-05-30T12:00Z");
  expect(await spend(userId, 10)).toBe(true);
  expect(iso((await readWindow(userId)).period_end)).toBe("2027-06-30T12:00Z");
});

test("a dearer plan counts at once with what is used, a cheaper one from the end of the month on", async () => {
  await setClock("2027-07-01T00:00Z");
  const poor = await signUp("month", 10);
  const rich = await signUp("month", 100);
  const planOf = async (userId: string) =>
    (await sql`select plan_id from private.current_accounts where user_id = ${userId}`)[0]?.plan_id as string;
  const [low, high] = [await planOf(poor), await planOf(rich)];
  expect([await spend(poor, 10), await spend(poor, 1)]).toEqual([true, false]);
  await sql`select private.change_plan(${poor}, ${high})`;
  expect([await spend(poor, 91), await spend(poor, 40)]).toEqual([false, true]);
  await sql`select private.change_plan(${poor}, ${low})`;
  expect([await planOf(poor), await spend(poor, 40)]).toEqual([high, true]);
  await setClock("2027-08-01T00:00Z");
  expect([await planOf(poor), await spend(poor, 11), await spend(poor, 10)]).toEqual([low, false, true]);
});
