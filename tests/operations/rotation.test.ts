import { expect, test } from "vitest";
import {
  active,
  byokKeys,
  connectKeyDatabase,
  makeCaller,
  makeSecrets,
  old,
  openStoredKeys,
  storeOwnKeys,
  storePoolKeys,
} from "./key-database.ts";
import { type Slot, startLoad } from "./key-load.ts";
import { type RunningKeys, runKeys, startKeys } from "./run-keys.ts";

const database = connectKeyDatabase("test-rotation");
const given = (session = "keys") => ({
  byokKeys,
  databaseUrl: database.url.replace("application_name=keys", `application_name=${session}`),
});

const callers = 20;
const keysOfCaller = 50;
const keysOfPool = 150;

async function storeSlots(): Promise<Slot[]> {
  const { sql } = database;
  const slots: Slot[] = [];
  const take = (owner: string, ids: string[], secrets: string[]) =>
    slots.push(
      ...ids.map((id, index) => ({
        ...{ owner, id, name: secrets[index]?.split("@")[0] as string, version: 0, isDeleted: false },
        baseUrl: owner !== "platform" && index % 3 === 0 ? "https://llm.example.com/v1" : null,
      })),
    );
  for (let caller = 0; caller < callers; caller++) {
    const userId = await makeCaller(sql);
    const secrets = makeSecrets(keysOfCaller, `caller-${caller}`).map((name) => `${name}@0`);
    take(userId, await storeOwnKeys(sql, userId, secrets, old), secrets);
  }
  const secrets = makeSecrets(keysOfPool, "pool").map((name) => `${name}@0`);
  take("platform", await storePoolKeys(sql, secrets, old), secrets);
  return slots;
}

/** Kills it when so many batches are done. */
function killAfter(command: RunningKeys, batches: number): void {
  let done = 0;
  command.onLine(() => {
    if (++done === batches) command.kill("SIGKILL");
  });
}

/** Does something while its session reads or writes a batch, or not at all when the command ends before. */
async function inTheMiddle(
  command: RunningKeys,
  session: string,
  act: (pid: number) => unknown,
): Promise<void> {
  let hasEnded = false;
  void command.ended.then(() => (hasEnded = true));
  while (!hasEnded) {
    const [found] = await database.sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where application_name = ${session} and query ~ 'sealed_key|rewrap_keys' and state <> 'idle'`;
    if (found !== undefined) return void (await act(found.pid));
  }
}

test("a rotation under load, killed and begun again and done by several at once, loses nothing and undoes no edit", async () => {
  const { sql } = database;
  const slots = await storeSlots();

  // Some functions have yet to hear that k2 is active.
  const load = startLoad({
    sql,
    slots,
    chooseEnvelopes: (random) => (random.chance(0.2) ? old : active),
  });
  let killed = 0;
  for (let round = 0; round < 3; round++) {
    const begin = (session: string) => startKeys(["rewrap"], given(session));
    const [first, second, third] = [begin("first"), begin("second"), begin("third")];
    killAfter(first, round + 1);
    await Promise.all([
      inTheMiddle(second, "second", () => second.kill("SIGKILL")),
      inTheMiddle(third, "third", (pid) => sql`select pg_terminate_backend(${pid})`),
    ]);
    for (const { code } of await Promise.all([first.ended, second.ended])) if (code === null) killed++;
    const { code, stderr } = await third.ended;
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([0, 1]).toContain(code);
  }
  expect(killed).toBeGreaterThan(2);
  const { writes, reads } = await load.stop();
  expect(Math.min(writes, reads)).toBeGreaterThan(100);
  const kids = (await openStoredKeys(sql)).map(({ kid }) => kid);
  expect(new Set(kids)).toEqual(new Set(["k1", "k2"]));

  const lastLoad = startLoad({ sql, slots, chooseEnvelopes: () => active });
  const runs = await Promise.all([runKeys(["rewrap"], given()), runKeys(["rewrap"], given())]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  const last = await lastLoad.stop();
  expect(Math.min(last.writes, last.reads)).toBeGreaterThan(10);

  const stored = await openStoredKeys(sql);
  const [{ count }] = await sql<[{ count: number }]>`
    select (select count(*) from private.provider_keys) + (select count(*) from private.byok_keys) as count`;
  expect(stored).toHaveLength(count);
  expect(new Set(stored.map(({ kid }) => kid))).toEqual(new Set(["k2"]));
  const expected = slots.filter(({ isDeleted }) => !isDeleted);
  expect(stored.map(({ id, secret }) => `${id} ${secret}`).toSorted()).toEqual(
    expected.map(({ id, name, version }) => `${id} ${name}@${version}`).toSorted(),
  );
  const { stdout, code } = await runKeys(["status"], given());
  expect(code).toBe(0);
  expect(stdout).toMatch(/^k1 +0 +0 {2}no row names it: may be dropped from BYOK_KEYS$/m);
}, 120_000);
