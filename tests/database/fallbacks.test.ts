import { describe, expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase, itemFor } from "../support/database-calls.ts";
import { createByokClient, createOwnKeyChats } from "../support/own-keys.ts";
import type { Caller } from "../support/people.ts";

const sql = connectDatabase();
const { prefer, readLedger, signUpByok } = createOwnKeyChats(sql);
const { save } = createByokClient();

interface Begun {
  hold_id: string;
  refusal?: string;
  own_keys: object[] | null;
  may_fall_back: boolean;
  routes: { price_id: number }[];
}

const begin = async (item: object, fields: object = {}) => {
  const [answer] = await callDatabase<Begun[]>("begin_chats", { items: [{ ...item, ...fields }] });
  return answer as Begun;
};
const fallBack = (item: object) => begin(item, { falls_back: true });

const settle = async (holdId: string, charges: object[] = []) => {
  const [answer] = await callDatabase<{ is_known: boolean; cost_nano: number }[]>("settle_chats", {
    items: [{ hold_id: holdId, charges, messages: [] }],
  });
  return answer;
};

const readHolds = ({ userId }: Caller) => sql`
  select id, state, is_byok from private.holds where user_id = ${userId} order by created_at, is_byok desc`;

/** Somebody with a key of their own who allows the platform's, with a chat that is held for the own one. */
async function startOwn(limits: NonNullable<Parameters<typeof signUpByok>[0]>["limits"]) {
  const caller = await signUpByok({ ...(limits && { limits }) });
  await save(caller);
  await prefer(caller, { allowPlatformKeys: true });
  const item = itemFor(caller);
  const own = await begin(item);
  expect(own).toMatchObject({ own_keys: [expect.anything()], may_fall_back: true });
  return { caller, item, own };
}

const budget = { unit: "nano_usd", window: "month", amount: 10_000_000 } as const;

describe("a hold for own keys", () => {
  test("gives way to one for the platform's under the same name, and costs nothing itself", async () => {
    const { caller, item } = await startOwn([budget, { unit: "concurrent", window: "instant", amount: 1 }]);
    const platform = await fallBack(item);
    expect(platform).toMatchObject({ hold_id: item.hold_id, own_keys: null, may_fall_back: false });
    expect(await readHolds(caller)).toEqual([
      { id: expect.not.stringContaining(item.hold_id), state: "settled", is_byok: true },
      { id: item.hold_id, state: "pending", is_byok: false },
    ]);
    const settled = await settle(item.hold_id, [
      {
        ...{ attempt: 2, price_id: platform.routes[0]?.price_id, outcome: "completed" },
        ...{ credential_id: "env:openai:0", output_bytes: 20 },
      },
    ]);
    expect(settled?.cost_nano).toBeGreaterThan(0);
    expect(await readLedger(caller)).toMatchObject([{ is_byok: false, cost_nano: settled?.cost_nano }]);
    expect(await sql`select * from private.metering_drift where user_id = ${caller.userId}`).toEqual([]);
  });

  test("stays as it was where the platform's cannot be held for, with its place in the rate", async () => {
    const { caller, item } = await startOwn([
      { ...budget, amount: 0 },
      { unit: "requests", window: "minute", amount: 2 },
      { unit: "concurrent", window: "instant", amount: 1 },
    ]);
    const readRate = () => sql`select next_at from private.request_rates where user_id = ${caller.userId}`;
    const before = [await readHolds(caller), await readRate()];
    expect(await fallBack(item)).toMatchObject({ refusal: "SL402" });
    expect([await readHolds(caller), await readRate()]).toEqual(before);
    await settle(item.hold_id);
    expect((await begin(itemFor(caller))).refusal).toBeUndefined();
    expect((await begin(itemFor(caller))).refusal).toBe("SL429");
  });

  test("that is released gives way to nothing: what comes too late holds nothing", async () => {
    const { caller, item } = await startOwn([budget]);
    await settle(item.hold_id);
    expect(await fallBack(item)).toMatchObject({ refusal: "SL44H" });
    expect(await readHolds(caller)).toEqual([{ id: item.hold_id, state: "settled", is_byok: true }]);
  });

  test("gives way once", async () => {
    const { caller, item } = await startOwn([budget]);
    const [first, second] = await Promise.all([fallBack(item), fallBack(item)]);
    expect([first.refusal, second.refusal].toSorted()).toEqual(["SL44H", undefined]);
    expect(await readHolds(caller)).toHaveLength(2);
  });

  test("keeps the request's key: nobody else gets it in between", async () => {
    const { caller, item: bare } = await startOwn([budget]);
    await settle(bare.hold_id);
    const keyed = { idempotency_key: "one", body_hash: "a" };
    const item = { ...itemFor(caller), ...keyed };
    await begin(item);
    expect((await begin({ ...itemFor(caller), ...keyed })).refusal).toBe("SL409");
    expect((await fallBack(item)).refusal).toBeUndefined();
    expect((await begin({ ...itemFor(caller), ...keyed })).refusal).toBe("SL409");
  });

  test("gives way beside others of its batch, which are answered as ever", async () => {
    const { caller, item } = await startOwn([budget]);
    const other = await startOwn([budget]);
    const answers = await callDatabase<Begun[]>("begin_chats", {
      items: [{ ...item, falls_back: true }, itemFor(caller), { ...other.item, falls_back: true }],
    });
    expect(answers.map(({ own_keys }) => own_keys === null).toSorted()).toEqual([false, true, true]);
  });

  test("is not asked for while all own keys wait for something", async () => {
    const { caller, item } = await startOwn([budget]);
    await settle(item.hold_id);
    const [key] = await sql`select id from private.byok_keys where user_id = ${caller.userId}`;
    await sql`
      insert into private.key_cooldowns (key_id, user_id, provider, reason, until)
      values (${`byok:${key?.id}`}, ${caller.userId}, 'openai', 'quota', now() + interval '10 minutes')`;
    expect(await begin(itemFor(caller))).toMatchObject({ own_keys: null, may_fall_back: false });
    await prefer(caller, { allowPlatformKeys: false });
    expect(await begin(itemFor(caller))).toMatchObject({ own_keys: [expect.anything()] });
  });
});
