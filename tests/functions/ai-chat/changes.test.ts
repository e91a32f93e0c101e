import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { setPlan, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";
import { makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

test("a day that is over does not count any more, whether or not anything has reset it", async () => {
  const caller = await signUpCaller(sql, {
    limits: [
      { unit: "requests", window: "day", amount: 1 },
      { unit: "requests", window: "month", amount: 1000 },
    ],
  });
  await chats.ask(caller, { message: "Yesterday" });
  expect((await chats.ask(caller, { message: "Refused" })).status).toBe(402);
  await sql`
    update private.usage_windows set period_start = period_start - interval '1 day', period_end = period_end - interval '1 day'
    where user_id = ${caller.userId} and "window" = 'day'`;
  expect((await chats.ask(caller, { message: "Today" })).status).toBe(200);
  expect((await chats.ask(caller, { message: "Refused" })).status).toBe(402);
  expect((await readMetering(sql, caller.userId)).windows).toMatchObject([
    { window: "day", epoch: 2, used: 1, held: 0 },
    { window: "month", epoch: 1, used: 2, held: 0 },
  ]);
});

test("an answer that ends on another day than it began is charged, and does not count on the new day", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, {
    simulate: `hold=${hold}`,
    limits: [{ unit: "requests", window: "day", amount: 5 }],
  });
  const marker = randomUUID();
  const late = chats.ask(caller, { message: marker });
  await provider.waitForCall(marker, "running");
  await sql`
    update private.usage_windows set period_start = period_start - interval '1 day', period_end = period_end - interval '1 day'
    where user_id = ${caller.userId}`;
  const today = chats.ask(caller, { message: randomUUID() });
  await expect.poll(async () => (await readMetering(sql, caller.userId)).holds.length).toBe(2);
  await provider.release(hold);
  expect([(await late).status, (await today).status]).toEqual([200, 200]);
  const { ledger, windows } = await readMetering(sql, caller.userId);
  expect(ledger).toHaveLength(2);
  expect(windows).toMatchObject([{ epoch: 2, used: 1, held: 0 }]);
});

test("a change of plan counts from the next request on, and keeps what is used", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
  const models = [caller.modelId];
  await chats.ask(caller, { message: "Hello" });
  expect((await chats.ask(caller, { message: "Hello" })).status).toBe(402);

  await setPlan(
    sql,
    caller.userId,
    await makePlan(sql, { models, limits: [{ unit: "requests", window: "day", amount: 2 }] }),
  );
  const { status, result } = await chats.ask(caller, { message: "Hello" });
  expect([status, result.limits]).toMatchObject([200, [{ limit: 2, used: 2, left: 0 }]]);
  expect((await chats.ask(caller, { message: "Hello" })).status).toBe(402);

  await setPlan(sql, caller.userId, caller.planId);
  expect((await chats.ask(caller, { message: "Hello" })).error.limit).toMatchObject({ limit: 1, used: 2 });
});

test("a model that is disabled, or that the plan loses, is refused from the next request on", async () => {
  const caller = await signUpCaller(sql);
  const ask = async () => {
    const { status, error } = await chats.ask(caller, { message: "Hello", model: caller.modelId });
    return status === 200 ? 200 : [status, error.code, error.param];
  };
  expect(await ask()).toBe(200);
  await sql`update private.models set status = 'disabled' where id = ${caller.modelId}`;
  expect(await ask()).toEqual([404, "model_not_found", "model"]);
  await sql`update private.models set status = 'active' where id = ${caller.modelId}`;
  expect(await ask()).toBe(200);
  await sql`delete from private.plan_models where plan_id = ${caller.planId}`;
  expect(await ask()).toEqual([403, "model_not_allowed", "model"]);
});

test("a new price counts from the next request on; what was held before is charged at the old one", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, {
    simulate: `hold=${hold};tokens=10`,
    outputUsd: "0.000001",
    inputUsd: "0",
  });
  const marker = randomUUID();
  const before = chats.ask(caller, { message: marker });
  await provider.waitForCall(marker, "running");
  await sql`
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd)
    select id, 0, 0, 0, 0.000002 from private.model_routes where model_id = ${caller.modelId}`;
  await provider.release(hold);
  expect((await before).result.costNano).toBe(10_000);
  expect((await chats.ask(caller, { message: marker })).result.costNano).toBe(20_000);
});
