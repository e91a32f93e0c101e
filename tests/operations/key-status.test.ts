import { expect, test } from "vitest";
import { randomRoot } from "../shared/keys/test-ring.ts";
import {
  active,
  byokKeys,
  connectKeyDatabase,
  lost,
  makeCaller,
  makeSecrets,
  old,
  roots,
  storeOwnKeys,
  storePoolKeys,
} from "./key-database.ts";
import { runKeys } from "./run-keys.ts";

const database = connectKeyDatabase("test-key-status");

test("status counts what each root key has, names the active one and those that may be dropped, and warns of what does not open", async () => {
  const { sql, url: databaseUrl } = database;
  const caller = await makeCaller(sql);
  await storeOwnKeys(sql, caller, makeSecrets(1_100), active);
  await storeOwnKeys(sql, caller, makeSecrets(2, "old"), old);
  await storePoolKeys(sql, makeSecrets(3, "old"), old);
  await storePoolKeys(sql, ["lost"], lost);
  const [odd = ""] = await storeOwnKeys(sql, caller, ["odd"], active);
  await sql`update private.byok_keys set sealed_key = 'v1.Canary' where id = ${odd}`;
  const keys = { spare: randomRoot(), k1: roots.k1, k2: roots.k2, k10: randomRoot() };
  const { stdout, stderr, code } = await runKeys(["status"], {
    byokKeys: JSON.stringify({ active: "k2", keys }),
    databaseUrl,
  });
  expect(stdout.split("\n")).toEqual([
    "root key  keys of the pool  own keys",
    'k10                      0         0  not in use yet: "rotate" makes it active',
    "k2                       0     1,100  active",
    "k1                       3         2  in use until rewrap has sealed these anew",
    "k0                       1         0  not in BYOK_KEYS",
    "spare                    0         0  no row names it: may be dropped from BYOK_KEYS",
    "(none)                   0         1  no envelope",
    "",
  ]);
  expect(stderr.split("\n")).toEqual([
    "Warning: BYOK_KEYS does not have k0, so that its keys do not open (keys of the pool: 1, own keys: 0). Put it back, or have them saved anew.",
    "Warning: what is stored is no envelope (keys of the pool: 0, own keys: 1). Delete these rows and have the keys saved anew.",
    "",
  ]);
  expect(code).toBe(0);
});

test("status warns of nothing where nothing is stored", async () => {
  expect(await runKeys(["status"], { byokKeys, databaseUrl: database.url })).toEqual({
    stdout:
      "root key  keys of the pool  own keys\n" +
      "k2                       0         0  active\n" +
      "k1                       0         0  no row names it: may be dropped from BYOK_KEYS\n",
    stderr: "",
    code: 0,
  });
});

/** An address of the database with another part. The password that is given is part of what must not be shown. */
function change(part: (url: URL) => void): string {
  const url = new URL(database.url);
  part(url);
  return url.href;
}

test.each<[what: string, databaseUrl: () => string, says: RegExp]>([
  ["is missing", () => "", /^DATABASE_URL is not set: /],
  ["is no address", () => "postgres Canary", /^DATABASE_URL is not the address of a database: /],
  [
    "is one of something else",
    () => "https://postgres:Canary@127.0.0.1/postgres",
    /^DATABASE_URL is not the address/,
  ],
  [
    "has signs in its password that cannot stand there",
    () => "postgresql://postgres:Can/ary@127.0.0.1/postgres",
    /^DATABASE_URL is not the address .* %40, %2F and %23 for @, \/ and #/,
  ],
  [
    "has half an escape in its password",
    () => "postgresql://postgres:Canary%@127.0.0.1/postgres",
    /^DATABASE_URL is not the address/,
  ],
  [
    "leads to no server",
    () => "postgresql://postgres:Canary@127.0.0.1:1/postgres",
    /^DATABASE_URL cannot be reached: .* \(ECONNREFUSED\)\.$/,
  ],
  [
    "has a wrong password",
    () => change((url) => (url.password = "Canary")),
    /^DATABASE_URL is refused: .* \(28P01\)\.$/,
  ],
  [
    "names no database",
    () => change((url) => (url.pathname = "/Canary")),
    /^DATABASE_URL names a database that does not exist: .* \(3D000\)\.$/,
  ],
  [
    "leads to a database without our tables",
    () => change((url) => (url.pathname = "/template1")),
    /^DATABASE_URL leads to a database without the tables of keys: .* \(42P01\)\.$/,
  ],
])(
  "a DATABASE_URL that %s is named with a remedy, in one sentence without a secret",
  async (_what, databaseUrl, says) => {
    const given = { byokKeys, databaseUrl: databaseUrl() };
    const runs = await Promise.all([runKeys(["status"], given), runKeys(["rewrap"], given)]);
    for (const { stdout, stderr, code } of runs) {
      expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
      expect(stderr).toMatch(/^[^\n]+\.\n$/);
      expect(stderr.trim()).toMatch(says);
      expect(stderr).not.toMatch(/Canary|ary@/);
    }
  },
);

test.each([
  ["is missing", "", 'BYOK_KEYS is not set: "npm run --silent keys -- new-root" makes one.\n'],
  ["is broken", byokKeys.slice(1), "BYOK_KEYS is not JSON.\n"],
])("a BYOK_KEYS that %s is told before the database is asked", async (_what, setting, told) => {
  for (const command of ["status", "rewrap", "rotate"])
    expect(await runKeys([command], { byokKeys: setting, databaseUrl: database.url })).toEqual({
      stdout: "",
      stderr: told,
      code: 1,
    });
});
