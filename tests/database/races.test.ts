import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callInTurn, itemFor } from "../support/database-calls.ts";
import { lockRow } from "../support/lock-row.ts";
import { type Database, openDatabase } from "../support/open-database.ts";
import { type Caller, signUpCaller } from "../support/people.ts";
import { readMetering } from "../support/read-metering.ts";

const sql = connectDatabase();

interface Decision {
  refusal?: string;
}

const begin = (items: Record<string, unknown>[]) => callInTurn<Decision[]>("begin_chats", { items });
const countPlaced = (decisions: Decision[]) =>
  decisions.filter(({ refusal }) => refusal === undefined).length;

/** A hold of a service of the app: so many tokens. */
const serviceHold = (userId: string, service: string, tokens: number) => ({
  ...{ hold_id: randomUUID(), user_id: userId, service, tokens, cost_nano: 0 },
});

/** Places a hold by SQL. Who waits for others of the same caller for too long is told so, and asks again. */
async function placeBy(sessions: Database, item: ReturnType<typeof serviceHold>): Promise<Decision> {
  for (;;)
    try {
      const [row] = await sessions<
        [{ answer: Decision }]
      >`select public.place_hold(${sessions.json(item)}) as answer`;
      return row.answer;
    } catch (error) {
      if ((error as { code?: string }).code !== "55P03") throw error;
    }
}

/** 75 tokens of 500: six fit, and seven do not. */
const scarce = [{ unit: "tokens" as const, window: "day" as const, amount: 500 }];

test("20 sessions that each take 75 of 500 at once get exactly 6, two hundred times", async () => {
  const caller = await signUpCaller(sql, { limits: scarce });
  const sessions = openDatabase(inject("stack").dbUrl, { max: 20 });
  try {
    for (let time = 0; time < 200; time++) {
      const holds = Array.from({ length: 20 }, () => serviceHold(caller.userId, "test", 75));
      const answers = await Promise.all(holds.map((item) => placeBy(sessions, item)));
      expect(countPlaced(answers)).toBe(6);
      // Of those that were held some are released, and the day begins anew for the next time.
      await sessions`
        select public.release_hold(id) from private.holds where user_id = ${caller.userId} and state = 'pending'`;
    }
  } finally {
    await sessions.end({ timeout: 5 });
  }
  expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ used: 0, held: 0 }]);
}, 150_000);

test("the same over HTTP: 20 requests at once, exactly 6 are let through", async () => {
  for (let time = 0; time < 5; time++) {
    const caller = await signUpCaller(sql, { limits: scarce });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        callInTurn<Decision>("place_hold", { item: serviceHold(caller.userId, "test", 75) }),
      ),
    );
    expect(countPlaced(answers)).toBe(6);
  }
});

test("batches over the same callers in whatever order never deadlock", async () => {
  const callers = await Promise.all(Array.from({ length: 6 }, () => signUpCaller(sql)));
  const shuffled = (turn: number) => callers.map((_, index) => callers[(index * 5 + turn) % 6] as Caller);
  for (let time = 0; time < 20; time++) {
    const batches = Array.from({ length: 6 }, (_, turn) =>
      begin((turn % 2 === 0 ? shuffled(turn) : shuffled(turn).toReversed()).map((caller) => itemFor(caller))),
    );
    for (const decisions of await Promise.all(batches)) expect(countPlaced(decisions)).toBe(6);
  }
});

/** A limit of the project that concerns one service of the test's own, and so nobody else. */
async function withProjectLimit(amount: number, use: (service: string) => Promise<void>): Promise<void> {
  const service = `test-${randomUUID().slice(0, 18)}`;
  await sql`
    insert into private.project_limits (scope, scope_id, unit, "window", amount)
    values ('provider', ${service}, 'tokens', 'month', ${amount})`;
  try {
    await use(service);
  } finally {
    await sql`delete from private.project_limits where scope_id = ${service}`;
  }
}

const place = (caller: Caller, service: string, tokens: number) =>
  callInTurn<Decision>("place_hold", { item: serviceHold(caller.userId, service, tokens) });

test("64 callers at once never get more of the project's limit than there is, and all of it, to the last token", async () => {
  await withProjectLimit(1000, async (service) => {
    const callers = await Promise.all(Array.from({ length: 16 }, () => signUpCaller(sql)));
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => place(callers[index % 16] as Caller, service, 30)),
    );
    expect(countPlaced(answers)).toBe(33);
    expect((await place(callers[0] as Caller, service, 11)).refusal).toBe("SL402");
    expect((await place(callers[0] as Caller, service, 10)).refusal).toBeUndefined();
    const [total] = await sql`
      select sum(held) as held, sum(share) as share from private.usage_windows where user_id is null and scope_id = ${service}`;
    expect(total).toEqual({ held: "1000", share: "1000" });
  });
});

test("callers who find one limit of the project to be shared anew do not wait for each other with slots of another in hand", async () => {
  await withProjectLimit(1_000_000, async (service) => {
    await sql`
      insert into private.project_limits (scope, scope_id, unit, "window", amount)
      values ('provider', ${service}, 'tokens', 'day', 1000000)`;
    const callers = await Promise.all(Array.from({ length: 8 }, () => signUpCaller(sql)));
    await place(callers[0] as Caller, service, 1);
    const [order] = await sql`
      select max(id) filter (where "window" = 'day') < min(id) filter (where "window" = 'month') or
        max(id) filter (where "window" = 'month') < min(id) filter (where "window" = 'day') as is_kept
      from private.usage_windows where user_id is null and scope_id = ${service}`;
    expect(order?.is_kept).toBe(true);
    for (const window of ["day", "month", "day", "month", "day", "month"]) {
      await sql`
        update private.usage_windows set period_start = now() - interval '1 day', period_end = now()
        where user_id is null and scope_id = ${service} and "window" = ${window}`;
      const answers = await Promise.all(callers.map((caller) => place(caller, service, 1)));
      expect(countPlaced(answers)).toBe(8);
    }
  });
});

test("a hold whose caller was deleted is closed once, by however many at once", async () => {
  await withProjectLimit(1000, async (service) => {
    const caller = await signUpCaller(sql);
    const item = serviceHold(caller.userId, service, 100);
    await callInTurn("place_hold", { item });
    await sql`delete from auth.users where id = ${caller.userId}`;
    const lock = await lockRow(
      sql,
      (session) =>
        session`select pg_backend_pid() as pid from private.holds where id = ${item.hold_id} for update`,
    );
    const releasing = [1, 2].map(() => callInTurn("release_hold", { hold_id: item.hold_id }));
    await lock.waitForBlocked(2);
    await lock.release();
    await Promise.all(releasing);
    const [total] = await sql`
      select sum(held) as held from private.usage_windows where user_id is null and scope_id = ${service}`;
    expect(total).toEqual({ held: "0" });
  });
});

test("a chat does not wait for another one that takes from the same limit of the project", async () => {
  await withProjectLimit(1_000_000, async (service) => {
    const [one, other] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
    // The slots are made with the first.
    await place(one, service, 1);
    const session = await sql.reserve();
    await session`begin`;
    await session`select public.place_hold(${sql.json(serviceHold(one.userId, service, 5))})`;
    // The slot of the one is locked until the end of its transaction.
    const { refusal } = await place(other, service, 5);
    const item = serviceHold(other.userId, service, 5);
    await callInTurn("place_hold", { item });
    const none = {
      input_tokens: 0,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
      output_tokens: 3,
      reasoning_tokens: 0,
    };
    const settled = await callInTurn<{ state: string }>("settle_hold", {
      item: { hold_id: item.hold_id, usage: none, cost_nano: 0 },
    });
    await session`commit`;
    session.release();
    expect([refusal, settled.state]).toEqual([undefined, "settled"]);
  });
});
