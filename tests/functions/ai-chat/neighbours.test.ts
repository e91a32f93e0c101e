import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type DatabaseCall, startDatabaseProxy } from "../../support/database-proxy.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import type { LocalServer } from "../../support/local-server.ts";
import { lockAccount } from "../../support/lock-account.ts";
import { signUpCaller } from "../../support/people.ts";
import { readRest, waitForEvent } from "../../support/read-events.ts";
import { readMetering } from "../../support/read-metering.ts";
import { type ScriptedProvider, startScriptedProvider } from "../../support/scripted-provider.ts";

const sql = connectDatabase();
const poison = `poison ${randomUUID()}`;
/** Until then the provider answers the first request only. */
const released = Promise.withResolvers<void>();
let provider: ScriptedProvider;
let database: LocalServer;
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;
/** Called for each call to the database; the call is made when what it returns is done. */
let onCall: (call: DatabaseCall) => Promise<void> = async () => {};

beforeAll(async () => {
  provider = await startScriptedProvider(async (prompt) => {
    if (prompt !== "First") await released.promise;
    return { deltas: [{ content: "Yes." }], completionTokens: 1 };
  });
  database = await startDatabaseProxy(async (call, forward) => {
    await onCall(call);
    return forward();
  });
  instance = await startExtraFunction({ OPENAI_BASE_URL: provider.url, SUPABASE_URL: database.url });
  chats = createChatClient(instance.url);
});
afterAll(async () => {
  await instance.stop();
  await Promise.all([provider.stop(), database.stop()]);
});

test("a charge that the ledger cannot take fails nobody else's of the same batch, and its figures are logged", async () => {
  const [first, poisoned, ...neighbours] = await Promise.all(
    Array.from({ length: 5 }, () => signUpCaller(sql)),
  );
  if (first === undefined || poisoned === undefined) throw new Error("nobody signed up");
  const opening = Promise.all([
    chats.open(poisoned, { message: poison }),
    ...neighbours.map((caller) => chats.open(caller, { message: "Hello" })),
  ]);
  await expect.poll(() => provider.bodies.length, { timeout: 10_000 }).toBe(4);
  // A charge at a price that the hold does not name.
  await sql`update private.holds set price_ids = '{-1}' where user_id = ${poisoned.userId}`;

  // While the first settlement is on its way, those of the others gather.
  const gathered = Promise.withResolvers<void>();
  const batches: DatabaseCall[] = [];
  onCall = async (call) => {
    if (call.name !== "settle_chats") return;
    batches.push(call);
    if (batches.length === 1) await gathered.promise;
  };
  const answered = chats.ask(first, { message: "First" });
  await expect.poll(() => batches.length).toBe(1);
  released.resolve();
  const streams = await opening;
  const starts = await Promise.all(streams.map(({ events }) => waitForEvent(events, "start")));
  await Promise.all(streams.map(({ events }) => waitForEvent(events, "chunk")));
  gathered.resolve();

  expect((await answered).status).toBe(200);
  const [bad, ...good] = streams;
  for (const { events } of good) expect((await readRest(events)).map(({ type }) => type)).toEqual(["done"]);
  bad?.leave();
  const poisonId = starts[0]?.data.id as string;
  const sharesWithPoison = ({ items }: DatabaseCall) =>
    items.some(({ hold_id }) => hold_id === poisonId) && items.length > 1;
  expect(batches.some(sharesWithPoison)).toBe(true);
  for (const caller of neighbours)
    expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([{ outcome: "completed" }]);

  expect(await readMetering(sql, poisoned.userId)).toMatchObject({
    holds: [{ state: "pending" }],
    ledger: [],
  });
  const failures = instance.lines
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === "settlement_failed");
  expect([...new Set(failures.map(({ requestId }) => requestId))]).toEqual([poisonId]);
  expect(failures[0]).toMatchObject({
    isLost: false,
    charges: [{ usage: { inputTokens: 9, outputTokens: 1 } }],
  });
});

test("a caller whose account is locked is told so soon, and fails nobody else of the same batch", async () => {
  released.resolve();
  const callers = await Promise.all(Array.from({ length: 9 }, () => signUpCaller(sql)));
  const [first, locked, ...others] = callers;
  if (first === undefined || locked === undefined) throw new Error("nobody signed up");
  const ask = (caller: { token: string }) => chats.ask(caller, { message: "Hello" });

  // While the first call is on its way, the others gather, and leave together behind it.
  const gathered = Promise.withResolvers<void>();
  const batches: unknown[][] = [];
  onCall = async ({ name, items }) => {
    if (name !== "begin_chats") return;
    batches.push(items.map(({ user_id }) => user_id));
    if (batches.length === 1) await gathered.promise;
  };
  const opening = ask(first);
  await expect.poll(() => batches).toEqual([[first.userId]]);
  const lock = await lockAccount(sql, locked.userId);
  const asking = Promise.all([locked, ...others].map(ask));
  await expect.poll(() => batches.length, { timeout: 10_000 }).toBeGreaterThan(1);
  gathered.resolve();

  const [refused, ...answers] = await asking;
  expect(batches.find((batch) => batch.includes(locked.userId))?.length).toBeGreaterThan(1);
  expect([refused?.status, refused?.error.code]).toEqual([503, "database_unavailable"]);
  expect(answers.map(({ status }) => status)).toEqual(others.map(() => 200));
  await lock.release();
  expect((await opening).status).toBe(200);
  expect((await ask(locked)).status).toBe(200);
});
