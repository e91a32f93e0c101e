import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase } from "../support/database-calls.ts";
import { lockAlerts } from "../support/lock-alerts.ts";
import { type Person, setPlan, signUp } from "../support/people.ts";
import { makePlan } from "../support/test-models.ts";

const sql = connectDatabase();

/** Somebody with so many tokens a day, which services of the app take from. */
async function signUpWith(tokens: number): Promise<Person> {
  const person = await signUp();
  await setPlan(
    sql,
    person.userId,
    await makePlan(sql, { limits: [{ unit: "tokens", window: "day", amount: tokens }] }),
  );
  return person;
}

/** A service takes tokens of somebody: returns its hold. */
async function spend({ userId }: Person, tokens: number): Promise<string> {
  const hold_id = randomUUID();
  const placed = await callDatabase<{ refusal?: string }>("place_hold", {
    item: { hold_id, user_id: userId, service: "test", tokens, cost_nano: 0 },
  });
  expect(placed.refusal).toBeUndefined();
  const usage = { ...none, output_tokens: tokens };
  await callDatabase("settle_hold", { item: { hold_id, usage, cost_nano: 0 } });
  return hold_id;
}

const none = {
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
};

const readAlerts = ({ userId }: Person) => sql<{ kind: string; data: Record<string, unknown> }[]>`
  select kind, data from private.alerts where data ->> 'user_id' = ${userId} order by created_at, (data ->> 'percent')::integer`;

const percentsOf = async (person: Person) =>
  (await readAlerts(person)).map(({ data: { percent, used } }) => [percent, used]);

test("a limit that is raised is told of anew, as the limit that it is", async () => {
  const person = await signUpWith(100);
  await spend(person, 90);
  await setPlan(
    sql,
    person.userId,
    await makePlan(sql, { limits: [{ unit: "tokens", window: "day", amount: 200 }] }),
  );
  await spend(person, 10);
  await spend(person, 60);
  expect((await readAlerts(person)).map(({ data: { percent, limit } }) => [percent, limit])).toEqual([
    [50, 100],
    [80, 100],
    [50, 200],
    [80, 200],
  ]);
});

test("half, four fifths and all of a limit are told, once each, by whichever settlement reaches them", async () => {
  const person = await signUpWith(100);
  await spend(person, 49);
  expect(await percentsOf(person)).toEqual([]);
  await spend(person, 1);
  expect(await percentsOf(person)).toEqual([[50, 50]]);
  await spend(person, 10);
  expect(await percentsOf(person)).toEqual([[50, 50]]);
  await spend(person, 40);
  expect(await percentsOf(person)).toEqual([
    [50, 50],
    [80, 100],
    [100, 100],
  ]);
  expect((await readAlerts(person))[0]).toMatchObject({
    kind: "limit_threshold",
    data: {
      scope: "all",
      scope_id: "",
      unit: "tokens",
      window: "day",
      limit: 100,
      resets_at: expect.any(String),
    },
  });
});

test("what was told of one day is told of the next one again", async () => {
  const person = await signUpWith(100);
  await spend(person, 60);
  await sql`
    update private.usage_windows set period_start = period_start - interval '1 day', period_end = now() - interval '1 second'
    where user_id = ${person.userId}`;
  // As if it had been told then.
  await sql`update private.alerts set event = event || ' before' where data ->> 'user_id' = ${person.userId}`;
  await spend(person, 70);
  expect(await percentsOf(person)).toEqual([
    [50, 60],
    [50, 70],
  ]);
});

test("a limit of the project is watched over all of its slots", async () => {
  const service = `test-${randomUUID().slice(0, 18)}`;
  await sql`
    insert into private.project_limits (scope, scope_id, unit, "window", amount)
    values ('provider', ${service}, 'tokens', 'day', 1000)`;
  try {
    const people = await Promise.all(Array.from({ length: 6 }, () => signUpWith(10_000)));
    for (const { userId } of people) {
      const hold_id = randomUUID();
      await callDatabase("place_hold", {
        item: { hold_id, user_id: userId, service, tokens: 90, cost_nano: 0 },
      });
      await callDatabase("settle_hold", {
        item: { hold_id, usage: { ...none, output_tokens: 90 }, cost_nano: 0 },
      });
    }
    const told = await sql`
      select data ->> 'percent' as percent, data ->> 'user_id' as user_id, data ->> 'used' as used
      from private.alerts where data ->> 'scope_id' = ${service}`;
    expect(told).toEqual([{ percent: "50", user_id: null, used: "540" }]);
  } finally {
    await sql`delete from private.project_limits where scope_id = ${service}`;
  }
});

test("an hour that costs ten times the usual is told once; one that is dear as always, or cheap, is not", async () => {
  const [unusual, usual, cheap] = [await signUp(), await signUp(), await signUp()];
  const usd = 1_000_000_000;
  const charges: [Person, agoHours: number, nano: number][] = [
    [unusual, 0.5, 2 * usd],
    // A week of two dollars an hour.
    ...Array.from({ length: 160 }, (_, hour): [Person, number, number] => [usual, hour + 0.5, 2 * usd]),
    [cheap, 0.5, usd / 2],
  ];
  await sql`select private.create_ledger_partition(now() - interval '7 days')`;
  await sql`
    insert into private.ledger (
      hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, provider,
      input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano
    )
    select gen_random_uuid(), 1, 'charge', now() - ago * interval '1 hour', 'completed', false, false, user_id, 'free', 'test', 0, 0, 0, 0, 0, nano
    from jsonb_to_recordset(${sql.json(charges.map(([{ userId }, ago, nano]) => ({ user_id: userId, ago, nano })))})
      as c (user_id uuid, ago numeric, nano bigint)`;
  await sql`select private.check_spending()`;
  await sql`select private.check_spending()`;
  expect(await readAlerts(unusual)).toMatchObject([
    { kind: "spend_spike", data: { spent_nano: 2 * usd, usual_nano: 0 } },
  ]);
  expect(await readAlerts(usual)).toEqual([]);
  expect(await readAlerts(cheap)).toEqual([]);
});

test("an alert is given to one deliverer at a time, again when it was not heard, and never again when it was", async () => {
  const lock = await lockAlerts(sql);
  onTestFinished(lock.release);
  const event = randomUUID();
  // However long it has waited to be told for the first time.
  await sql`
    insert into private.alerts (kind, event, data, next_try_at, created_at) values ('spend_spike', ${event}, '{}', '2000-01-01', '2020-01-01')`;
  const claim = async () =>
    (await callDatabase<{ id: string; tries: number }[]>("claim_alerts", { most: 1 })).filter(
      ({ id }) => id === mine,
    );
  const [{ id: mine }] = await sql<[{ id: string }]>`select id from private.alerts where event = ${event}`;
  const rewind = () => sql`update private.alerts set next_try_at = '2000-01-01' where id = ${mine}`;
  const inMinutes = async () => {
    const [row] = await sql`
      select round(extract(epoch from next_try_at - now()) / 60) as minutes from private.alerts where id = ${mine}`;
    return Number(row?.minutes);
  };
  expect(await claim()).toMatchObject([{ tries: 1 }]);
  expect(await claim()).toEqual([]);
  await callDatabase("report_alerts", { delivered: [], failed: [mine] });
  expect(await inMinutes()).toBe(1);
  await rewind();
  expect(await claim()).toMatchObject([{ tries: 2 }]);
  await callDatabase("report_alerts", { delivered: [], failed: [mine] });
  expect(await inMinutes()).toBe(2);
  await rewind();
  expect(await claim()).toMatchObject([{ tries: 3 }]);
  await callDatabase("report_alerts", { delivered: [mine], failed: [] });
  const [heard] =
    await sql`select next_try_at, delivered_at is not null as heard from private.alerts where id = ${mine}`;
  expect(heard).toEqual({ next_try_at: null, heard: true });
});

test("the README tells of every kind of alert, and of no other", async () => {
  const [, table = ""] =
    /\| type +\| data[^\n]*\n([\s\S]*?)\n\n/.exec(readFileSync("README.md", "utf8")) ?? [];
  const told = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, kind]) => kind);
  const kinds = await sql`select unnest(enum_range(null::private.alert_kind))::text as kind`;
  expect(told.toSorted()).toEqual(kinds.map(({ kind }) => kind).toSorted());
});
