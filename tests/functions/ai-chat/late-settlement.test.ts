import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type DatabaseGate, startDatabaseGate } from "../../support/database-gate.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { askUnder } from "../../support/keyed-chat.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();
const elsewhere = createChatClient();
let gate: DatabaseGate;
let instance: ExtraFunction;

beforeAll(async () => {
  gate = await startDatabaseGate();
  instance = await startExtraFunction({ SUPABASE_URL: gate.url });
});
afterAll(async () => {
  await instance.stop();
  await gate.stop();
});

test("an answer whose function was cut off from the database until its hold had expired is charged exactly, and told, when it is back", async () => {
  const hold = randomUUID();
  const caller = await signUpCaller(sql, { simulate: `hold=${hold}@half` });
  const chat = { caller, key: randomUUID(), marker: randomUUID(), options: { stream: true } };
  const asking = askUnder(createChatClient(instance.url), chat);
  await provider.waitForHold(hold);
  gate.cut();
  await provider.release(hold);
  await gate.waitForFailures("settle_chats", 1);

  await sql`update private.holds set expires_at = now() - interval '1 second' where user_id = ${caller.userId}`;
  await sql`select private.sweep_holds(1000)`;
  const expired = await readMetering(sql, caller.userId);
  expect(expired).toMatchObject({
    holds: [{ state: "expired" }],
    ledger: [{ outcome: "expired", estimated: true }],
    windows: [{ used: 1, held: 0 }, { held: 0 }, { used: expired.ledger[0]?.cost_nano, held: 0 }],
  });
  // Meanwhile that is all there is to tell.
  const interim = await askUnder(elsewhere, chat);
  expect([interim.error?.code, interim.error?.costNano]).toEqual([
    "provider_interrupted",
    expired.ledger[0]?.cost_nano,
  ]);

  gate.open();
  const told = await asking;
  const [call] = await provider.findCalls(chat.marker);
  await expect
    .poll(async () => (await readMetering(sql, caller.userId)).holds)
    .toMatchObject([{ state: "settled" }]);
  const { ledger, windows } = await readMetering(sql, caller.userId);
  expect(ledger).toMatchObject([
    { attempt: 0, entry: "charge", outcome: "expired" },
    { attempt: 0, entry: "correction", cost_nano: -(expired.ledger[0]?.cost_nano ?? 0) },
    { attempt: 1, entry: "charge", outcome: "completed", estimated: false, cost_nano: call?.billNano },
  ]);
  expect(windows).toMatchObject([{ used: 1, held: 0 }, { held: 0 }, { used: call?.billNano, held: 0 }]);

  const again = await askUnder(elsewhere, chat);
  expect(again.headers.get("idempotent-replayed")).toBe("true");
  expect(again.result).toMatchObject({ usage: call?.usage, costNano: call?.billNano });
  expect(again.result?.content).toMatch(`You said: ${chat.marker}`);
  // Who waited for it is told the same, or that it was not recorded in time.
  if (told.error) expect(told.error.code).toBe("settlement_pending");
  else expect(told.result).toMatchObject({ content: again.result?.content, costNano: call?.billNano });
  expect(await provider.findCalls(chat.marker)).toHaveLength(1);
});
