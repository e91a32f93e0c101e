import { expect, onTestFinished, test } from "vitest";
import { batchSize } from "../../operations/rewrap.ts";
import { type Lock, lockRow } from "../support/lock-row.ts";
import {
  active,
  byokKeys,
  connectKeyDatabase,
  lost,
  makeCaller,
  makeSecrets,
  old,
  openStoredKeys,
  sealForRow,
  storeOwnKeys,
  storePoolKeys,
} from "./key-database.ts";
import { runKeys, startKeys, waitForLine } from "./run-keys.ts";

const database = connectKeyDatabase("test-rewrap");

const start = () => startKeys(["rewrap"], { byokKeys, databaseUrl: database.url });
const run = () => runKeys(["rewrap"], { byokKeys, databaseUrl: database.url });

/** How many stored keys each root key has. */
async function countByKid(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kid } of await openStoredKeys(database.sql)) counts[kid] = (counts[kid] ?? 0) + 1;
  return counts;
}

/** Locks as `lockRow` does, until the release or the end of the test: the next ones would wait for it. */
async function lock(statement: Parameters<typeof lockRow>[1]): Promise<Lock> {
  const held = await lockRow(database.sql, statement);
  let released: Promise<void> | undefined;
  const release = () => (released ??= held.release());
  onTestFinished(release);
  return { ...held, release };
}

/** Has the command stop in the middle of the batch that this row belongs to, its rows locked, until the release. */
async function holdBatch(id: string) {
  const { sql } = database;
  await sql`
    create or replace function hold_batch() returns trigger language plpgsql as $$
    begin
      if current_setting('application_name') = 'keys' then
        perform pg_advisory_xact_lock_shared(hashtext(new.id::text));
      end if;
      return new;
    end $$`;
  await sql`
    create or replace trigger hold before update of sealed_key on private.byok_keys
      for each row execute function hold_batch()`;
  return lock((session) => session`select pg_backend_pid() as pid, pg_advisory_xact_lock(hashtext(${id}))`);
}

/** Resolves once the sessions of the command are gone, with what they had locked. */
async function waitForNoSession(): Promise<void> {
  const sessions = () => database.sql`select from pg_stat_activity where application_name = 'keys'`;
  await expect.poll(sessions, { timeout: 10_000 }).toHaveLength(0);
}

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

test("an edit that comes in the middle of a batch waits for it, and wins", async () => {
  const { sql } = database;
  const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(50), old);
  const edited = ids.at(-1) as string;
  const sealed = await sealForRow(sql, edited, "sk-edited", old);
  const hold = await holdBatch(ids[0] as string);
  const command = start();
  await hold.waitForBlocked(1);
  const edit = sql`update private.byok_keys set sealed_key = ${sealed} where id = ${edited}`.execute();
  await hold.waitForBlocked(2);
  await hold.release();
  await edit;
  // Sealed under the old root key: so the command, if it is still there, has it to do again.
  expect((await command.ended).code).toBe(0);
  await run();
  const after = await openStoredKeys(sql);
  expect(after.find(({ id }) => id === edited)?.secret).toBe("sk-edited");
  expect(await countByKid()).toEqual({ k2: 50 });
});

test.each([
  ["under the old root key", old],
  ["under the active one", active],
])(
  "a row that somebody has locked is waited for, the others are not, and what is saved there %s stays",
  async (_how, envelopes) => {
    const { sql } = database;
    const [edited = "", deleted = "", ...ids] = await storeOwnKeys(
      sql,
      await makeCaller(sql),
      makeSecrets(250),
      old,
    );
    const sealed = await sealForRow(sql, edited, "sk-edited", envelopes);
    const edit = await lock(async (session) => {
      await session`delete from private.byok_keys where id = ${deleted}`;
      return session`
      update private.byok_keys set sealed_key = ${sealed} where id = ${edited} returning pg_backend_pid() as pid`;
    });
    const command = start();
    await waitForLine(command, /locked by somebody else: waiting/);
    expect(await countByKid()).toEqual({ k1: 2, k2: ids.length });
    await edit.waitForBlocked(1);
    await edit.release();

    expect((await command.ended).code).toBe(0);
    const after = await openStoredKeys(sql);
    expect(after.find(({ id }) => id === edited)).toMatchObject({ kid: "k2", secret: "sk-edited" });
    expect(await countByKid()).toEqual({ k2: ids.length + 1 });
  },
);

test("Ctrl-C ends it after the batch, and nobody waits for more rows than those of one", async () => {
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
  const held = await lock(
    (session) =>
      session`select pg_backend_pid() as pid from private.byok_keys where id = ${locked} for no key update`,
  );
  const command = start();
  await held.waitForBlocked(1);
  command.kill("SIGINT");
  expect((await command.ended).code).toBe(130);
  await held.release();
  expect(await countByKid()).toEqual({ k1: 1, k2: 1 });
});

test.each([
  ["killed", (command: ReturnType<typeof start>) => command.kill("SIGKILL"), null],
  [
    "cut off from the database",
    () =>
      database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keys'`.execute(),
    1,
  ],
])("a batch in which it is %s is as it was before, and can be done again", async (_how, end, expected) => {
  const { sql } = database;
  const ids = await storeOwnKeys(sql, await makeCaller(sql), makeSecrets(250), old);
  const before = await openStoredKeys(sql);
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
  await waitForNoSession();
  expect(await countByKid()).toEqual({ k1: 150, k2: 100 });

  expect((await run()).code).toBe(0);
  const after = await openStoredKeys(sql);
  expect(after.map(({ id, secret }) => [id, secret])).toEqual(before.map(({ id, secret }) => [id, secret]));
  expect(await countByKid()).toEqual({ k2: 250 });
});
