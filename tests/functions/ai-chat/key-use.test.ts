import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { ringOf } from "../../shared/keys/test-ring.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { setByok } from "../../support/own-keys.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { makeSecretBytes } from "../../support/secrets.ts";
import { makeProviderKey, simulateMoreProviders } from "../../support/simulated-providers.ts";
import { storeOwnKey } from "../../support/store-own-key.ts";

const sql = connectDatabase();
const roots = { k1: makeSecretBytes("root key"), k2: makeSecretBytes("root key") };
const old = createEnvelopes(ringOf(roots, "k1"));
const short = { message: "Hello", options: { maxTokens: 5 } };

let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;
beforeAll(async () => {
  const settings = simulateMoreProviders(3);
  for (const number of [0, 1, 2]) delete settings[`EXTRA_${number}_API_KEY`];
  instance = await startExtraFunction({
    ...settings,
    BYOK_KEYS: JSON.stringify({ active: "k2", keys: roots }),
  });
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

/** A key of the pool, sealed under the old root key. */
async function addPoolKey(provider: string, weight = 1): Promise<string> {
  const id = randomUUID();
  const sealed = await old.seal(makeProviderKey(), { owner: "platform", provider, record: id });
  await sql`insert into private.provider_keys (id, provider, sealed_key, weight) values (${id}, ${provider}, ${sealed}, ${weight})`;
  return id;
}

async function readPoolKey(id: string) {
  const [row] = await sql`
    select coalesce(u.count, 0)::integer as use_count, u.last_used_at > now() - interval '1 minute' as is_recent, split_part(k.sealed_key, '.', 2) as kid
    from private.provider_keys k left join private.provider_key_uses u on u.key_id = k.id where k.id = ${id}`;
  return row;
}

test("each call that a key of the pool is answered with is counted, also of many at once", async () => {
  const id = await addPoolKey("extra-0");
  const caller = await signUpCaller(sql, { routes: [{ provider: "extra-0" }] });
  expect(await readPoolKey(id)).toEqual({ use_count: 0, is_recent: null, kid: "k1" });
  const answers = await Promise.all(Array.from({ length: 30 }, () => chats.ask(caller, short)));
  expect(answers.map(({ status, result }) => [status, result.credential])).toEqual(
    Array(30).fill([200, "pool"]),
  );
  expect(await readPoolKey(id)).toMatchObject({ use_count: 30, is_recent: true });
  const rows = await sql`select distinct credential_id from private.ledger where user_id = ${caller.userId}`;
  expect(rows).toEqual([{ credential_id: `key:${id}` }]);
});

test("the keys of a pool are used by their weights", async () => {
  const [heavy, light] = [await addPoolKey("extra-1", 9), await addPoolKey("extra-1", 1)];
  const caller = await signUpCaller(sql, { routes: [{ provider: "extra-1" }] });
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 40 }, () => chats.ask(caller, short)));
  const [heavily, lightly] = [(await readPoolKey(heavy))?.use_count, (await readPoolKey(light))?.use_count];
  expect(heavily + lightly).toBe(200);
  // By chance beyond these once in 10^6 runs.
  expect(lightly).toBeGreaterThan(2);
  expect(lightly).toBeLessThan(48);
});

test("a key that is used under an old root key is sealed under the active one by that, and goes on to open", async () => {
  const pooled = await addPoolKey("extra-2");
  const caller = await signUpCaller(sql, { routes: [{ provider: "extra-2" }] });
  const own = await addOwnKey(caller);
  for (const _time of [1, 2]) {
    expect((await chats.ask(caller, short)).result.credential).toBe("pool");
    await expect.poll(async () => (await readPoolKey(pooled))?.kid).toBe("k2");
  }
  await setByok(sql, caller, "required");
  for (const _time of [1, 2]) {
    expect((await chats.ask(caller, short)).result.credential).toBe("byok");
    await expect.poll(() => readOwnKid(own)).toBe("k2");
  }
});

test("what was saved anew in between is not overwritten by what is sealed anew", async () => {
  const caller = await signUpCaller(sql, { routes: [{ provider: "extra-2" }] });
  const id = await addOwnKey(caller);
  const [row] = await sql`select sealed_key from private.byok_keys where id = ${id}`;
  const binding = { owner: caller.userId, provider: "extra-2", record: id };
  const [stale, edited] = [
    await old.seal("sk-stale-0123", binding),
    await old.seal("sk-edited-0123", binding),
  ];
  await sql`update private.byok_keys set sealed_key = ${edited} where id = ${id}`;
  const items = sql.json([{ id, sealed_key: row?.sealed_key, resealed: stale }]);
  expect(await sql`select public.rewrap_keys(${items}) as count`).toEqual([{ count: 0 }]);
  expect(await sql`select sealed_key from private.byok_keys where id = ${id}`).toEqual([
    { sealed_key: edited },
  ]);
});

/** A key of somebody's own, sealed under the old root key. */
async function addOwnKey({ userId }: Caller): Promise<string> {
  const ring = JSON.stringify({ active: "k1", keys: roots });
  return (await storeOwnKey(sql, { roots: ring, userId, provider: "extra-2" })).id;
}

async function readOwnKid(id: string) {
  const [row] =
    await sql`select split_part(sealed_key, '.', 2) as kid from private.byok_keys where id = ${id}`;
  return row?.kid;
}
