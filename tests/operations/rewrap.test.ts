import { expect, test } from "vitest";
import { batchSize } from "../../operations/rewrap.ts";
import {
  active,
  byokKeys,
  connectKeyDatabase,
  lost,
  makeCaller,
  makeSecrets,
  old,
  openStoredKeys,
  storeOwnKeys,
  storePoolKeys,
} from "./key-database.ts";
import { holdKeys } from "./key-holds.ts";
import { type RunningKeys, runKeys, startKeys, waitForLine } from "./run-keys.ts";

const database = connectKeyDatabase("test-rewrap");

const start = () => startKeys(["rewrap"], { byokKeys, databaseUrl: database.url });
const run = () => runKeys(["rewrap"], { byokKeys, databaseUrl: database.url });

const { countByKid, lockKey, holdBatch, waitForRest } = holdKeys(database);

test("every stored key is sealed anew under the active root key, with progress, and is the same", async () => {
  const { sql } = database;
  const secrets = [...makeSecrets(250), ...makeSecrets(3, "sk-pool")];
  const caller = await makeCaller(sql);
  await storeOwnKeys(sql, caller, secrets.slice(0, 250), old);
  await storePoolKeys(sql, secrets.slice(250), old);
  await storeOwnKeys(sql, caller, ["sk-zzz"], active);
  const before = await openStoredKeys(sql);

  const { stdout, stderr, code } = await run();
  expect({ stdout, code }).toEqual({
    stdout: "Sealed anew under k2: keys of the pool: 3, own keys: 250.\n",
    code: 0,
  });
  expect(stderr.trim().split("\n")).toEqual([
    "keys of the pool: 3 of 3 …",
    "own keys: 100 of 250 …",
    "own keys: 200 of 250 …",
    "own keys: 250 of 250 …",
  ]);
  const after = await openStoredKeys(sql);
  expect(after.map(({ id, secret }) => [id, secret])).toEqual(before.map(({ id, secret }) => [id, secret]));
  expect(await countByKid()).toEqual({ k2: 254 });
  // What was under it already is left alone.
  expect(after.at(-1)).toEqual(before.at(-1));

  expect(await run()).toEqual({
    stdout: "Sealed anew under k2: keys of the pool: 0, own keys: 0.\n",
    stderr: "",
    code: 0,
  });
  expect(await openStoredKeys(sql)).toEqual(after);
});

test("what does not open is named by table and id and left as it is; the rest is done, and the command fails", async () => {
  const { sql } = database;
  const caller = await makeCaller(sql);
  const [unknown = ""] = await storeOwnKeys(sql, caller, ["sk-Canary-lost"], lost);
  const ids = await storeOwnKeys(sql, caller, makeSecrets(150), old);
  const [copied = "", broken = "", odd = ""] = ids;
  const [pooled = "", other = ""] = await storePoolKeys(sql, ["sk-Canary-a", "sk-Canary-b"], old);
  const foreign = await old.seal("sk-Canary-foreign", { owner: caller, provider: "openai", record: other });
  await sql`update private.byok_keys set sealed_key = ${foreign} where id = ${copied}`;
  await sql`update private.byok_keys set sealed_key = left(sealed_key, 40) where id = ${broken}`;
  await sql`update private.byok_keys set sealed_key = 'v1.Canary no envelope' where id = ${odd}`;
  await sql`update private.provider_keys set sealed_key = ${`${foreign}A`} where id = ${pooled}`;
  const read = () => sql`
    select id, sealed_key from private.byok_keys where id in ${sql([unknown, copied, broken, odd])}
    union all select id, sealed_key from private.provider_keys where id = ${pooled} order by id`;
  const before = await read();

  const { stdout, stderr, code } = await run();
  expect({ stdout, code }).toEqual({
    stdout: "Sealed anew under k2: keys of the pool: 1, own keys: 147.\n",
    code: 1,
  });
  const told = stderr.split("\n").filter((line) => line.includes("left as it is"));
  expect(told).toHaveLength(5);
  expect(told).toEqual(
    expect.arrayContaining([
      expect.stringMatching(`^private\\.provider_keys ${pooled} was left as it is: The sealed key `),
      `private.byok_keys ${unknown} was left as it is: The sealed key names a root key that BYOK_KEYS does not have.`,
      expect.stringMatching(`^private\\.byok_keys ${copied} was left as it is: The sealed key was changed`),
      `private.byok_keys ${broken} was left as it is: The sealed key is not an envelope.`,
      `private.byok_keys ${odd} was left as it is: The sealed key is not an envelope.`,
    ]),
  );
  expect(stderr).not.toMatch(/Canary|v1\./);
  expect(await read()).toEqual(before);
  expect(await countByKid()).toEqual({ k2: 148 });
});

test("Ctrl-C ends it after the batch, and no more rows than those of one are kept", async () => {
  const { sql } = database;
  const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(350), old);
  const hold = await holdBatch(ids[150] as string);
  const command = start();
  await hold.waitForBlocked(1);
  const free = await sql`select from private.byok_keys for update skip locked`;
  expect(free).toHaveLength(350 - batchSize);
  command.kill("SIGINT");
  await waitForLine(command, /^Ending after this batch/);
  await hold.release();
  const { stdout, stderr, code } = await command.ended;
  expect({ stdout, code }).toEqual({
    stdout: "Sealed anew under k2: keys of the pool: 0, own keys: 200.\n",
    code: 130,
  });
  expect(stderr).toMatch(/run the command again for the rest\.\n$/);
  expect(await countByKid()).toEqual({ k1: 150, k2: 200 });
});

test("Ctrl-C ends it while it waits for a row", async () => {
  const { sql } = database;
  const [locked = ""] = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(2), old);
  const held = await lockKey(locked);
  const command = start();
  await expect.poll(countByKid, { timeout: 10_000 }).toEqual({ k1: 1, k2: 1 });
  await held.waitForBlocked(1);
  command.kill("SIGINT");
  expect((await command.ended).code).toBe(130);
  expect(await countByKid()).toEqual({ k1: 1, k2: 1 });
});

test.each<
  [how: string, end: (command: RunningKeys) => unknown, code: number | null, counts: Record<string, number>]
>([
  // The database does what it was told all the same.
  ["killed", (command) => command.kill("SIGKILL"), null, { k1: 50, k2: 200 }],
  [
    "cut off from the database",
    () =>
      database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keys'`.execute(),
    1,
    { k1: 150, k2: 100 },
  ],
])(
  "after a batch in which it is %s each key is whole, and the rest can be done",
  async (_how, end, expected, counts) => {
    const { sql } = database;
    const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(250), old);
    const before = await openStoredKeys(sql);
    const isAsBefore = async () =>
      expect((await openStoredKeys(sql)).map(({ id, secret }) => [id, secret])).toEqual(
        before.map(({ id, secret }) => [id, secret]),
      );
    const hold = await holdBatch(ids[150] as string);
    const command = start();
    await hold.waitForBlocked(1);
    await end(command);
    const { stderr, code } = await command.ended;
    expect(code).toBe(expected);
    if (code !== null)
      expect(stderr.trim().split("\n").at(-1)).toMatch(
        /^DATABASE_URL leads to a database that has closed the connection: run the command again, .* \([A-Z\d_]+\)\.$/,
      );
    await hold.release();
    await waitForRest();
    await isAsBefore();
    expect(await countByKid()).toEqual(counts);

    expect((await run()).code).toBe(0);
    await isAsBefore();
    expect(await countByKid()).toEqual({ k2: 250 });
  },
);
