import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ByokKey } from "../../../shared/credentials/byok-keys.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { callDatabase, itemFor } from "../../support/database-calls.ts";
import { createByokClient, createOwnKeyChats, setByok } from "../../support/own-keys.ts";
import { signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const { chats, provider, trace, readLedger, prefer, signUpByok } = createOwnKeyChats(sql);
const { save, list, request } = createByokClient();

const anthropic = { provider: "anthropic", upstream: "claude-haiku-4-5", priority: 1 };

test("a plan that requires own keys is served with them alone, and nothing of it is charged", async () => {
  const caller = await signUpByok({
    limits: [
      { unit: "nano_usd", window: "month", amount: 0 },
      { unit: "tokens", window: "day", amount: 100_000 },
    ],
  });
  const own = await save(caller);
  const { status, result, headers, keys } = await trace(caller);
  expect(status).toBe(200);
  expect(keys).toEqual([own.lastFour]);
  expect(result).toMatchObject({ credential: "byok", costNano: 0, usage: { outputTokens: 5 } });
  expect(headers.get("x-sluice-credential")).toBe("byok");
  expect(result.limits.find(({ unit }) => unit === "tokens")?.used).toBeGreaterThan(5);
  expect(await readLedger(caller)).toEqual([
    { provider: "openai", is_byok: true, cost_nano: 0, credential_id: `byok:${own.saved.id}` },
  ]);
  const { "openai default": key } = await list(caller);
  expect(Date.parse(key?.lastUsedAt ?? "")).toBeGreaterThan(Date.now() - 120_000);
});

test("a stream says which key serves, too", async () => {
  const caller = await signUpByok();
  await save(caller);
  const [start, ...rest] = await chats.stream(caller, { message: "Hello", options: { maxTokens: 5 } });
  expect(start).toMatchObject({ type: "start", data: { credential: "byok" } });
  expect(rest.at(-1)).toMatchObject({ type: "done", data: { credential: "byok", costNano: 0 } });
});

test("who has no key for the model is told so, and is not served with one of the platform", async () => {
  const caller = await signUpByok({ routes: [{}, anthropic] });
  await save(caller, "google");
  for (const _time of [1, 2]) {
    const { status, error, keys } = await trace(caller);
    expect([status, error.code, error.param, keys]).toEqual([403, "own_key_missing", "model", []]);
  }
  expect(await readLedger(caller)).toEqual([]);
  const own = await save(caller, "anthropic");
  expect(await trace(caller)).toMatchObject({
    status: 200,
    keys: [own.lastFour],
    result: { provider: "anthropic" },
  });
});

describe("where the plan leaves it to the caller", () => {
  test("the platform's keys are used until the caller prefers their own, from the next request on", async () => {
    const caller = await signUpCaller(sql);
    const own = await save(caller);
    expect(await trace(caller)).toMatchObject({ result: { credential: "environment" } });
    await prefer(caller, { preferOwnKeys: true });
    expect(await trace(caller)).toMatchObject({
      keys: [own.lastFour],
      result: { credential: "byok", costNano: 0 },
    });
    await prefer(caller, { preferOwnKeys: false });
    expect(await trace(caller)).toMatchObject({ result: { credential: "environment" } });
  });

  test("a plan that forbids own keys has none used, whatever was preferred", async () => {
    const caller = await signUpCaller(sql);
    await save(caller);
    await prefer(caller, { preferOwnKeys: true });
    await setByok(sql, caller, "forbidden");
    expect(await trace(caller)).toMatchObject({ result: { credential: "environment" } });
  });
});

test("what is answered with an own key costs nothing, also where the platform's could take over and the plan has no budget", async () => {
  const caller = await signUpByok({ limits: [{ unit: "nano_usd", window: "month", amount: 0 }] });
  const own = await save(caller);
  await prefer(caller, { allowPlatformKeys: true });
  expect(await trace(caller)).toMatchObject({
    ...{ keys: [own.lastFour], result: { credential: "byok", costNano: 0 } },
  });
  expect(await readLedger(caller)).toMatchObject([{ is_byok: true, cost_nano: 0 }]);
});

test("on a plan of own keys nobody spends the platform's money without a budget, whatever they allow", async () => {
  const caller = await signUpByok({ limits: [{ unit: "tokens", window: "day", amount: 100_000 }] });
  await prefer(caller, { allowPlatformKeys: true });
  const { status, error, keys } = await trace(caller);
  expect([status, error.code, keys]).toEqual([403, "own_key_missing", []]);
  const overview = await request(caller, "GET", "");
  expect(overview.body).toMatchObject({ permission: "required", areUsed: true, mayFallBack: false });
});

test("a function that dies over a chat with an own key charges nothing for it", async () => {
  const caller = await signUpByok();
  await save(caller);
  await prefer(caller, { allowPlatformKeys: true });
  await callDatabase("begin_chats", { items: [itemFor(caller)] });
  const killed = await sql`
    update private.holds set expires_at = now() - interval '1 second' where user_id = ${caller.userId} returning is_byok`;
  expect(killed).toEqual([{ is_byok: true }]);
  await trace(caller);
  expect(
    await sql`select outcome, cost_nano from private.ledger where user_id = ${caller.userId} order by outcome`,
  ).toEqual([
    { outcome: "completed", cost_nano: 0 },
    { outcome: "expired", cost_nano: 0 },
  ]);
});

test("a key that could not be tried when it was saved is valid once the provider has answered with it", async () => {
  const caller = await signUpByok();
  await save(caller, "openai", { key: `sk-status-503-${randomUUID()}` });
  expect((await list(caller))["openai default"]?.status).toBe("unverified");
  expect((await trace(caller)).status).toBe(200);
  expect((await list(caller))["openai default"]?.status).toBe("valid");
});

test("a key that was copied into another person's row does not open there", async () => {
  const [owner, thief] = [await signUpByok(), await signUpByok()];
  await save(owner);
  await save(thief);
  await sql`delete from private.byok_keys where user_id = ${thief.userId}`;
  await sql`
    insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
    select gen_random_uuid(), ${thief.userId}, provider, name, sealed_key || '', fingerprint, status, true
    from private.byok_keys where user_id = ${owner.userId} on conflict do nothing`;
  // The same text may not even stand twice; moved, it does not open.
  expect((await trace(thief)).error.code).toBe("own_key_missing");
  await sql`update private.byok_keys set user_id = ${thief.userId} where user_id = ${owner.userId}`;
  const { status, error, keys } = await trace(thief);
  expect([status, error.code, keys]).toEqual([503, "own_key_unavailable", []]);
  const test = await request<{ key: ByokKey }>(thief, "POST", "/openai/test", {});
  expect([test.status, (test.body as unknown as { error: object }).error]).toEqual([
    403,
    expect.objectContaining({
      code: "own_key_refused",
      message: "This key cannot be read any more: save it again.",
    }),
  ]);
});

test("embeddings and OpenAI's clients are served with own keys as well", async () => {
  const caller = await signUpByok({
    routes: [{ upstream: "text-embedding-3-small" }],
    outputModalities: ["embeddings"],
  });
  const own = await save(caller);
  const input = randomUUID();
  const response = await chats.send("/v1/embeddings", {
    token: caller.token,
    method: "POST",
    body: JSON.stringify({ model: caller.modelId, input }),
  });
  expect([response.status, response.headers.get("x-sluice-credential")]).toEqual([200, "byok"]);
  expect((await provider.findCalls(input)).map(({ key }) => key)).toEqual([own.lastFour]);
  expect(await readLedger(caller)).toMatchObject([{ is_byok: true, cost_nano: 0 }]);
});

test("a limit of requests holds for chats with own keys, too", async () => {
  const caller = await signUpByok({ limits: [{ unit: "requests", window: "day", amount: 2 }] });
  await save(caller);
  const answers = await Promise.all(Array.from({ length: 10 }, () => trace(caller)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
  expect(answers.filter(({ error }) => error?.code === "quota_exceeded")).toHaveLength(8);
});
