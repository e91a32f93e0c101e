import { expect, test } from "vitest";
import { batchSize } from "../../operations/rewrap.ts";
import {
  active,
  byokKeys,
  connectKeyDatabase,
  makeCaller,
  makeSecrets,
  old,
  openStoredKeys,
  sealForRow,
  storeOwnKeys,
  storePoolKeys,
} from "./key-database.ts";
import { holdKeys } from "./key-holds.ts";
import { startKeys } from "./run-keys.ts";

const database = connectKeyDatabase("test-rewrap-beside-others");
const { countByKid, lock, lockKey, holdBatch, waitForRest, changeAll } = holdKeys(database);

const start = () => startKeys(["rewrap"], { byokKeys, databaseUrl: database.url });

test.each([
  ["under the old root key", old],
  ["under the active one", active],
])("what is saved %s between the reading and the writing of its row stays", async (_how, envelopes) => {
  const { sql } = database;
  const [first = "", ...ids] = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(50), old);
  const edited = ids.at(-1) as string;
  const sealed = await sealForRow(sql, edited, "sk-edited", envelopes);
  const held = await lockKey(first);
  const command = start();
  await held.waitForBlocked(1);
  await sql`update private.byok_keys set sealed_key = ${sealed} where id = ${edited}`;
  await held.release();
  expect((await command.ended).code).toBe(0);
  const after = await openStoredKeys(sql);
  expect(after.find(({ id }) => id === edited)?.secret).toBe("sk-edited");
  expect(await countByKid()).toEqual({ k2: 50 });
});

test("a row that somebody keeps is waited for, the others are not, and what is saved there stays", async () => {
  const { sql } = database;
  const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(150), old);
  const [edited, deleted] = [ids[120] as string, ids[130] as string];
  const sealed = await sealForRow(sql, edited, "sk-edited", old);
  const edit = await lock(async (session) => {
    await session`delete from private.byok_keys where id = ${deleted}`;
    return session`
      update private.byok_keys set sealed_key = ${sealed} where id = ${edited} returning pg_backend_pid() as pid`;
  });
  const command = start();
  await expect.poll(countByKid, { timeout: 10_000 }).toEqual({ k1: 2, k2: 148 });
  await edit.waitForBlocked(1);
  await edit.release();

  expect((await command.ended).code).toBe(0);
  const after = await openStoredKeys(sql);
  expect(after.find(({ id }) => id === edited)).toMatchObject({ kid: "k2", secret: "sk-edited" });
  expect(await countByKid()).toEqual({ k2: 149 });
});

test("whoever reads or changes keys does not wait for it while it seals them, though its process is frozen", async () => {
  const { sql } = database;
  await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(300), old);
  await storePoolKeys(sql, makeSecrets(200), old);
  const command = start();
  let hasEnded = false;
  void command.ended.then(() => (hasEnded = true));
  const frozen = new Set<string>();
  while (!hasEnded) {
    const [batch] = await sql<{ readAt: string }[]>`
      select query_start::text as "readAt" from pg_stat_activity
      where application_name = 'keys' and state like 'idle%' and query ~ 'order by id limit'`;
    if (batch === undefined || frozen.has(batch.readAt)) continue;
    command.kill("SIGSTOP");
    await waitForRest();
    await changeAll();
    frozen.add(batch.readAt);
    command.kill("SIGCONT");
  }
  expect(frozen.size).toBeGreaterThan(2);
  expect((await command.ended).stdout).toBe("Sealed anew under k2: keys of the pool: 200, own keys: 300.\n");
  expect(await countByKid()).toEqual({ k2: 500 });
});

test("a process that is frozen in the middle of writing a batch keeps no row of it", async () => {
  const { sql } = database;
  const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(150), old);
  const hold = await holdBatch(ids[50] as string);
  const command = start();
  await hold.waitForBlocked(1);
  command.kill("SIGSTOP");
  await hold.release();
  await waitForRest();
  await changeAll();
  expect(await countByKid()).toEqual({ k1: 50, k2: batchSize });
  command.kill("SIGCONT");
  expect((await command.ended).code).toBe(0);
  expect(await countByKid()).toEqual({ k2: 150 });
});

test.each(["provider_keys", "byok_keys"])(
  "batches lock their rows in %s in the order of ids, so that none deadlocks",
  async (name) => {
    const { sql } = database;
    const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(20), old);
    const pooled = await storePoolKeys(sql, makeSecrets(20), old);
    const first = (name === "byok_keys" ? ids : pooled)[0] as string;
    // It lies behind the others then, and comes last in the batch: only in the order of ids it is the first.
    await sql`update ${sql(`private.${name}`)} set sealed_key = sealed_key where id = ${first}`;
    const held = await lockKey(first, name);
    const rows = await openStoredKeys(sql);
    const items = rows.map(({ id, sealedKey }) => ({ id, sealed_key: sealedKey, resealed: sealedKey }));
    items.sort((a, b) => (a.id < b.id ? 1 : -1));
    let isSeen = false;
    const batches = (async () => {
      while (!isSeen) await sql`select public.rewrap_keys(${sql.json(items)})`.catch(() => {});
    })();
    try {
      await held.waitForBlocked(1);
      const free = await sql`select from ${sql(`private.${name}`)} for update skip locked`;
      expect(free).toHaveLength(19);
    } finally {
      isSeen = true;
      await batches;
    }
  },
);
