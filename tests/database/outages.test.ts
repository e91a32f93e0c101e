import { describe, expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { lockRow } from "../support/lock-row.ts";
import { type Caller, signUpCaller } from "../support/people.ts";

const sql = connectDatabase();

/** Somebody whose model has a route to each of these providers, in this order; null stands for one that is well. */
async function signUpWith(routes: [provider: string, dueInSeconds: number | null][]) {
  const caller = await signUpCaller(sql, {
    routes: routes.map(([provider], priority) => ({ provider, upstream: `model-${priority}`, priority })),
  });
  const rows = await sql<{ id: number }[]>`
    select id from private.model_routes where model_id = ${caller.modelId} order by priority`;
  const ids = rows.map(({ id }) => id);
  for (const [index, [, due]] of routes.entries())
    if (due !== null)
      await sql`
        insert into private.route_outages (route_id, failures, until)
        values (${ids[index] as number}, 3, now() + make_interval(secs => ${due}))`;
  return { caller, ids };
}

interface Decision {
  refusal?: string;
  outages: { route_id: number; state: string }[] | null;
}

/** What a chat of somebody is told of the routes, by their place; nothing of those that are well. */
async function begin({ caller, ids }: { caller: Caller; ids: number[] }, provider?: string) {
  const [decision] = await callDatabase<Decision[]>("begin_chats", {
    items: [itemFor(caller, { provider })],
  });
  expect(decision?.refusal).toBeUndefined();
  return Object.fromEntries(
    (decision?.outages ?? []).map(({ route_id, state }) => [ids.indexOf(route_id), state]),
  );
}

const readOutages = (ids: number[]) => sql<{ failures: number; is_out: boolean; waits: boolean }[]>`
  select failures, until is not null as is_out, coalesce(until > now(), false) as waits
  from private.route_outages where route_id in ${sql(ids)} order by route_id`;

const report = (failed: number[], reached: number[] = []) =>
  sql`select private.report_health(${sql.json([{ key_reports: [], failed_routes: failed, reached_routes: reached }])})`;

describe("a route whose outage is over is probed by a chat", () => {
  test("that would call it before any that is well; the next one leaves it alone meanwhile", async () => {
    const chats = await signUpWith([
      ["openai", -1],
      ["google", null],
    ]);
    expect(await begin(chats)).toEqual({ 0: "probe" });
    expect(await begin(chats)).toEqual({ 0: "lasting" });
  });

  test("that has no other, however many are out", async () => {
    const chats = await signUpWith([
      ["openai", 60],
      ["google", -1],
      ["anthropic", -1],
    ]);
    expect(await begin(chats)).toEqual({ 0: "lasting", 1: "probe", 2: "probe" });
  });

  test("and not by one that calls another first: who does call it may still probe it", async () => {
    const chats = await signUpWith([
      ["openai", null],
      ["google", -1],
    ]);
    expect(await begin(chats)).toEqual({ 1: "lasting" });
    expect(await readOutages(chats.ids)).toMatchObject([{ waits: false }]);
    expect(await begin(chats, "google")).toEqual({ 1: "probe" });
  });

  test("and not by one that prefers another provider, which is well", async () => {
    const chats = await signUpWith([
      ["openai", -1],
      ["google", null],
    ]);
    expect(await begin(chats, "google")).toEqual({ 0: "lasting" });
    expect(await begin(chats, "openai")).toEqual({ 0: "probe" });
  });

  test("and not by one that prefers its provider, of which a better route is well", async () => {
    const chats = await signUpWith([
      ["google", null],
      ["google", -1],
    ]);
    expect(await begin(chats, "google")).toEqual({ 1: "lasting" });
  });

  test("also where a route before it has failed of late, but not often", async () => {
    const chats = await signUpWith([
      ["openai", -1],
      ["google", null],
    ]);
    await report([chats.ids[1] as number]);
    expect(await begin(chats)).toEqual({ 0: "probe", 1: "failing" });
  });

  test("of a batch: one of them is the one who does", async () => {
    const { caller } = await signUpWith([
      ["openai", -1],
      ["google", null],
    ]);
    const items = Array.from({ length: 3 }, () => itemFor(caller));
    const decisions = await callDatabase<Decision[]>("begin_chats", { items });
    const states = decisions.flatMap(({ outages }) => outages?.map(({ state }) => state) ?? []);
    expect(states.toSorted()).toEqual(["lasting", "lasting", "probe"]);
  });
});

describe("a route that begins to answer its probe", () => {
  test("is open to others, with its failures remembered until an answer is complete", async () => {
    const chats = await signUpWith([
      ["openai", -1],
      ["google", null],
    ]);
    const [route = 0] = chats.ids;
    expect(await begin(chats)).toEqual({ 0: "probe" });
    expect(await callDatabase("reopen_route", { route_id: route })).toBe(true);
    expect(await begin(chats)).toEqual({ 0: "failing" });
    expect([...(await readOutages([route]))]).toEqual([{ failures: 3, is_out: false, waits: false }]);
    await report([], [route]);
    expect(await begin(chats)).toEqual({});
    expect(await callDatabase("reopen_route", { route_id: route })).toBe(false);
  });

  test("is out again, for longer, where it breaks off", async () => {
    const { ids } = await signUpWith([["openai", -1]]);
    const [route = 0] = ids;
    await callDatabase("reopen_route", { route_id: route });
    await report([route]);
    const [outage] = await sql`
      select failures, extract(epoch from until - updated_at)::float as seconds
      from private.route_outages where route_id = ${route}`;
    expect(outage).toEqual({ failures: 4, seconds: 10 });
  });
});

test("two reports on the same routes, one well and one not, wait for each other and do not deadlock", async () => {
  const { ids } = await signUpWith([
    ["openai", 60],
    ["google", 60],
  ]);
  const [low = 0, high = 0] = ids;
  const lock = await lockRow(
    sql,
    (session) => session`
      select pg_backend_pid() as pid from private.route_outages where route_id = ${low} for update`,
  );
  // This one needs the lower route first …
  const one = report([high], [low]);
  const oneDone = one.then(() => "done");
  await lock.waitForBlocked(1);
  // … and whoever began with the higher one would now hold what the other needs after the release.
  const otherDone = report([low], [high]).then(() => "done");
  await lock.waitForBlocked(2);
  await lock.release();
  expect(await Promise.all([oneDone, otherDone])).toEqual(["done", "done"]);
});
