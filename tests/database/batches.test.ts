import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callInTurn, itemFor } from "../support/database-calls.ts";
import { lockAccount } from "../support/lock-account.ts";
import { type Caller, signUp, signUpCaller } from "../support/people.ts";
import { readMetering, untouched } from "../support/read-metering.ts";

const sql = connectDatabase();
const { apiUrl, secretKey } = inject("stack");

interface Decision {
  hold_id: string;
  refusal?: string;
}

const begin = (items: Record<string, unknown>[]) => callInTurn<Decision[]>("begin_chats", { items });

/** Two callers, the one whom locks come to first before the other. */
async function signUpTwo(): Promise<[Caller, Caller]> {
  const [one, two] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
  return one.userId < two.userId ? [one, two] : [two, one];
}

test("two batches over the same callers in opposite order do not deadlock", async () => {
  const [low, high] = await signUpTwo();
  const lock = await lockAccount(sql, high.userId);
  // Whoever locked in the order of the batch would now wait here with nothing locked …
  const opposite = begin([itemFor(high), itemFor(low)]);
  await lock.waitForBlocked(1);
  // … and this one behind it with the lower account locked: after the release each would wait for the other.
  const straight = begin([itemFor(low), itemFor(high)]);
  await lock.waitForBlocked(2);
  await lock.release();
  for (const decisions of await Promise.all([opposite, straight]))
    expect(decisions.map(({ refusal }) => refusal ?? null)).toEqual([null, null]);
  for (const { userId } of [low, high]) expect((await readMetering(sql, userId)).holds).toHaveLength(2);
});

test("64 requests of one caller at once, each in a call of its own: the limit of 10 admits exactly 10", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 10 }] });
  const decisions = await Promise.all(Array.from({ length: 64 }, () => begin([itemFor(caller)])));
  expect(decisions.filter(([decision]) => decision?.refusal === undefined)).toHaveLength(10);
  expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ used: 0, held: 10 }]);
});

test("requests of one caller in one batch see each other: the limit holds", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 3 }] });
  const other = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
  const items = [...Array.from({ length: 5 }, () => itemFor(caller)), itemFor(other)];
  const decisions = await begin(items);
  expect(decisions.filter(({ refusal }) => refusal === "SL402")).toHaveLength(2);
  expect(decisions.find(({ hold_id }) => hold_id === items[5]?.hold_id)?.refusal).toBeUndefined();
  expect((await readMetering(sql, caller.userId)).windows).toMatchObject([{ used: 0, held: 3 }]);
});

test("of equal keys in one batch the first is made; where nothing comes of it, the next one", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "tokens", window: "day", amount: 500 }] });
  const key = { idempotency_key: randomUUID(), body_hash: "one" };
  const large = { ...key, prompt_bytes: 40_000, body_hash: "other" };
  const items = [itemFor(caller, large), itemFor(caller, key), itemFor(caller, key), itemFor(caller, large)];
  const decisions = new Map((await begin(items)).map(({ hold_id, refusal }) => [hold_id, refusal ?? null]));
  expect(items.map(({ hold_id }) => decisions.get(hold_id))).toEqual(["SL402", null, "SL409", "SL422"]);
  expect((await readMetering(sql, caller.userId)).holds).toHaveLength(1);
});

test("an item that is refused leaves no trace, and its neighbours go through", async () => {
  const [caller, poor, stranger] = await Promise.all([
    signUpCaller(sql),
    signUpCaller(sql, { limits: [{ unit: "nano_usd", window: "month", amount: 0 }] }),
    signUp(),
  ]);
  const items = [
    itemFor({ userId: randomUUID() }),
    itemFor(caller, { model_id: "nobody/knows" }),
    itemFor(stranger, { model_id: caller.modelId }),
    itemFor(caller, { continues: true }),
    itemFor(poor),
    itemFor(caller),
  ];
  const decisions = new Map((await begin(items)).map(({ hold_id, refusal }) => [hold_id, refusal ?? null]));
  expect(items.map(({ hold_id }) => decisions.get(hold_id))).toEqual([
    "SL401",
    "SL44M",
    "SL403",
    "SL404",
    "SL402",
    null,
  ]);
  for (const { userId } of [poor, stranger]) expect(await readMetering(sql, userId)).toEqual(untouched);
  expect((await readMetering(sql, caller.userId)).holds).toMatchObject([{ id: items[5]?.hold_id }]);
});

test("a charge at a price that the hold does not name is refused whole", async () => {
  const [caller, other] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
  const item = itemFor(caller);
  await begin([item]);
  const before = await readMetering(sql, caller.userId);
  const [price] = await sql<[{ id: number }]>`
    select p.id from private.route_prices p join private.model_routes r on r.id = p.route_id
    where r.model_id = ${other.modelId}`;
  const response = await fetch(`${apiUrl}/rest/v1/rpc/settle_chats`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify({
      items: [
        {
          hold_id: item.hold_id,
          conversation_id: item.conversation_id,
          continues: false,
          messages: [],
          charges: [{ attempt: 1, price_id: price.id, outcome: "completed", output_bytes: 4 }],
        },
      ],
    }),
  });
  expect(response.status).toBe(400);
  expect(await readMetering(sql, caller.userId)).toEqual(before);
});

test("the same hold twice in one batch is released once", async () => {
  const caller = await signUpCaller(sql);
  const item = itemFor(caller);
  const other = itemFor(caller);
  await begin([item, other]);
  const release = { hold_id: item.hold_id, conversation_id: item.conversation_id, continues: false };
  const response = await fetch(`${apiUrl}/rest/v1/rpc/settle_chats`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify({
      items: Array.from({ length: 2 }, () => ({ ...release, charges: [], messages: [] })),
    }),
  });
  expect(response.status).toBe(200);
  const { holds, windows } = await readMetering(sql, caller.userId);
  expect(holds.map(({ state }) => state).toSorted()).toEqual(["pending", "settled"]);
  expect(windows.find(({ unit }) => unit === "requests")).toMatchObject({ used: 0, held: 1 });
});

test.each([1, 2, 7, 9, 13, 17, 60, 600])(
  "a rate of %i a minute lets exactly so many come at once",
  async (amount) => {
    const limits = [{ unit: "requests" as const, window: "minute" as const, amount }];
    const caller = await signUpCaller(sql, { limits });
    const decisions = await begin(Array.from({ length: amount + 3 }, () => itemFor(caller)));
    expect(decisions.filter(({ refusal }) => refusal === undefined)).toHaveLength(amount);
    expect(decisions.filter(({ refusal }) => refusal === "SL429")).toHaveLength(3);
  },
);
