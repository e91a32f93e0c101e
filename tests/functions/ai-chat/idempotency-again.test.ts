import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { callDatabase, itemFor } from "../../support/database-calls.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const chats = createChatClient();
const provider = watchProvider();

/** Asks under a key. */
const askUnder = (caller: Caller, key: string, body: Record<string, unknown>) =>
  chats.ask(caller, body, { headers: { "idempotency-key": key } });

test("what a limit refused may be asked again under the same Idempotency-Key, once there is room", async () => {
  const caller = await signUpCaller(sql, { limits: [{ unit: "requests", window: "day", amount: 0 }] });
  const [key, marker] = [randomUUID(), randomUUID()];
  for (let at = 0; at < 2; at++) {
    const { status, error } = await askUnder(caller, key, { message: marker });
    expect([status, error.code]).toEqual([402, "quota_exceeded"]);
  }
  await sql`update private.plan_limits set amount = 1 where plan_id = ${caller.planId}`;
  const { status, headers } = await askUnder(caller, key, { message: marker });
  expect([status, headers.get("idempotent-replayed")]).toEqual([200, null]);
  expect(await provider.findCalls(marker)).toHaveLength(1);
});

test("what was refused may even be asked with another body under the same Idempotency-Key: nothing came of the first", async () => {
  const caller = await signUpCaller(sql);
  const key = randomUUID();
  const refused = await askUnder(caller, key, { message: "Hello", model: "nobody/nothing" });
  expect(refused.error.code).toBe("model_not_found");
  expect((await askUnder(caller, key, { message: "Hello" })).status).toBe(200);
});

test("what failed at no cost may be asked again under the same Idempotency-Key", async () => {
  const caller = await signUpCaller(sql, { simulate: `status=400;times=1;key=${randomUUID()}` });
  const [key, marker] = [randomUUID(), randomUUID()];
  expect((await askUnder(caller, key, { message: marker })).error.code).toBe("provider_refused");
  // Nobody waits for the release.
  await expect
    .poll(async () => (await readMetering(sql, caller.userId)).holds)
    .toMatchObject([{ state: "settled" }]);
  const { status, result } = await askUnder(caller, key, { message: marker });
  expect(status).toBe(200);
  expect((await readMetering(sql, caller.userId)).ledger).toMatchObject([{ hold_id: result.id }]);
  expect(await provider.findCalls(marker)).toHaveLength(2);
});

test.each([
  ["a stream that", true],
  ["an answer that", false],
])("%s broke off is told as broken off, with what it cost, and not asked again", async (_what, stream) => {
  const caller = await signUpCaller(sql, { simulate: `cut=12;times=1;key=${randomUUID()}` });
  const [key, marker] = [randomUUID(), randomUUID()];
  const body = { message: marker, stream };
  const send = async () => {
    const init = { token: caller.token, method: "POST", headers: { "idempotency-key": key } };
    return (await chats.send("", { ...init, body: JSON.stringify(body) })).text();
  };
  expect(await send()).toContain("provider_interrupted");
  const { ledger } = await readMetering(sql, caller.userId);
  expect(ledger).toMatchObject([{ outcome: "interrupted", estimated: true }]);
  for (let at = 0; at < 2; at++) {
    const { status, error } = await askUnder(caller, key, body);
    expect([status, error.code]).toEqual([502, "provider_interrupted"]);
    expect(error).toMatchObject({
      requestId: ledger[0]?.hold_id,
      usage: { inputTokens: ledger[0]?.input_tokens, outputTokens: ledger[0]?.output_tokens },
      costNano: ledger[0]?.cost_nano,
      estimated: true,
    });
  }
  expect((await readMetering(sql, caller.userId)).ledger).toEqual(ledger);
  expect(await provider.findCalls(marker)).toHaveLength(1);
});

test("what is told as broken off again is not repeated by OpenAI's clients, which repeat what fails", async () => {
  const caller = await signUpCaller(sql, { simulate: "cut=12" });
  const key = randomUUID();
  const body = { model: caller.modelId, messages: [{ role: "user", content: "Hello" }] };
  for (let at = 0; at < 2; at++) {
    const { status, headers } = await chats.send("/v1/chat/completions", {
      token: caller.token,
      method: "POST",
      body: JSON.stringify(body),
      headers: { "idempotency-key": key },
    });
    expect([status, headers.get("x-should-retry")]).toEqual([502, "false"]);
  }
});

test("an Idempotency-Key older than a day may be used for another request", async () => {
  const caller = await signUpCaller(sql);
  const key = randomUUID();
  const first = await askUnder(caller, key, { message: "One" });
  const age = (by: string) =>
    sql`update private.idempotency_keys set created_at = now() - ${by}::interval where user_id = ${caller.userId}`;
  await age("23 hours 59 minutes");
  expect((await askUnder(caller, key, { message: "Two" })).status).toBe(422);
  await age("24 hours 1 minute");
  const second = await askUnder(caller, key, { message: "Two" });
  expect([second.status, second.headers.get("idempotent-replayed")]).toEqual([200, null]);
  expect(second.result.id).not.toBe(first.result.id);
  // The day begins anew.
  expect((await askUnder(caller, key, { message: "Two" })).result.id).toBe(second.result.id);
  expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(2);
});

test("an answer whose conversation is deleted is a 404 that names the Idempotency-Key, and is not asked again", async () => {
  const caller = await signUpCaller(sql);
  const [key, marker] = [randomUUID(), randomUUID()];
  const { result } = await askUnder(caller, key, { message: marker });
  await chats.request(caller, "DELETE", `/conversations/${result.conversationId}`);
  const { status, error } = await askUnder(caller, key, { message: marker });
  expect([status, error.code, error.param]).toEqual([404, "request_not_found", "Idempotency-Key"]);
  expect(error.message).toMatch(/no longer kept: take a new key\.$/);
  expect(await provider.findCalls(marker)).toHaveLength(1);
  expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(1);
});

test("what only its expiry had charged may be made again under its Idempotency-Key once a late report gave that back", async () => {
  const caller = await signUpCaller(sql);
  const key = { idempotency_key: randomUUID(), body_hash: "of the body" };
  const begin = async (item: { hold_id: string }) =>
    (await callDatabase<Record<string, unknown>[]>("begin_chats", { items: [item] }))[0];
  const first = itemFor(caller, key);
  expect(await begin(first)).toMatchObject({ hold_id: first.hold_id, model_id: caller.modelId });
  await sql`update private.holds set expires_at = now() where id = ${first.hold_id}`;
  expect(await begin(itemFor(caller, key))).toMatchObject({ replay_of: first.hold_id });

  // Its function had never learnt of the hold: it reports that nothing came of it.
  await callDatabase("settle_chats", { items: [{ hold_id: first.hold_id, charges: [], messages: [] }] });
  const second = itemFor(caller, key);
  expect(await begin(second)).toMatchObject({ hold_id: second.hold_id, model_id: caller.modelId });
  expect(await begin(itemFor(caller, key))).toMatchObject({ refusal: "SL409" });
  await callDatabase("settle_chats", { items: [{ hold_id: second.hold_id, charges: [], messages: [] }] });
  const { ledger } = await readMetering(sql, caller.userId);
  expect(ledger.reduce((sum, { cost_nano }) => sum + cost_nano, 0)).toBe(0);
});

test.each([
  ["copies", ["one", "one", "one"], "SL409"],
  ["requests with other bodies", ["one", "two", "three"], "SL422"],
])(
  "of %s under one Idempotency-Key that come to the database in one batch one is made",
  async (_what, bodies, refusal) => {
    const caller = await signUpCaller(sql);
    const key = randomUUID();
    const items = bodies.map((body) => itemFor(caller, { idempotency_key: key, body_hash: body }));
    const answers = await callDatabase<Record<string, unknown>[]>("begin_chats", { items });
    const made = answers.filter((answer) => answer.model_id === caller.modelId);
    expect(made).toHaveLength(1);
    const refused = { refusal, detail: { request_id: made[0]?.hold_id } };
    expect(answers.filter((answer) => answer.model_id === undefined)).toMatchObject([refused, refused]);
    expect((await readMetering(sql, caller.userId)).holds).toMatchObject([{ id: made[0]?.hold_id }]);
  },
);
