import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createEnvelopes, type Envelopes } from "../../shared/keys/envelope.ts";
import { startDatabase, type TestDatabase } from "../schedules/start-database.ts";
import { randomRoot, ringOf } from "../shared/keys/test-ring.ts";
import { type Database, openDatabase } from "../support/open-database.ts";

export const roots = { k0: randomRoot(), k1: randomRoot(), k2: randomRoot() };
export const lost = createEnvelopes(ringOf({ k0: roots.k0 }));
/** Opens what both have sealed, and seals under k1. */
export const old = createEnvelopes(ringOf({ k1: roots.k1, k2: roots.k2 }));
/** Opens what both have sealed, and seals under k2. */
export const active = createEnvelopes(ringOf({ k2: roots.k2, k1: roots.k1 }));
/** BYOK_KEYS where k2 has taken the place of k1; k0 is lost. */
export const byokKeys = JSON.stringify({ active: "k2", keys: { k1: roots.k1, k2: roots.k2 } });

export interface KeyDatabase {
  sql: Database;
  /** Its address for the command: its sessions are called `keys`, and have a default that a database may have. */
  url: string;
}

/** Gives the tests of one file a database of their own, without stored keys when each begins. */
export function connectKeyDatabase(name: string): KeyDatabase {
  let database: TestDatabase;
  const connected = {} as KeyDatabase;
  beforeAll(async () => {
    database = await startDatabase(name, { migrate: true });
    const url = database.urlFor("postgres");
    connected.sql = openDatabase(url, { max: 10 });
    connected.url = `${url}?application_name=keys&default_transaction_isolation=serializable`;
  });
  beforeEach(async () => {
    await connected.sql`delete from private.provider_keys`;
    await connected.sql`delete from private.byok_keys`;
  });
  afterAll(async () => {
    await connected.sql?.end({ timeout: 5 });
    await database?.stop();
  });
  return connected;
}

export async function makeCaller(sql: Database): Promise<string> {
  const [{ id }] = await sql<[{ id: string }]>`
    insert into auth.users (email, encrypted_password) values (${`${randomUUID()}@example.com`}, '') returning id`;
  return id;
}

/** Stores own keys of a caller, every third with an address. Returns their ids, which rise. */
export async function storeOwnKeys(
  sql: Database,
  userId: string,
  secrets: string[],
  envelopes: Envelopes,
): Promise<string[]> {
  const ids = secrets.map(() => randomUUID()).toSorted();
  const rows = await Promise.all(
    secrets.map(async (secret, index) => {
      const id = ids[index] as string;
      const base_url = index % 3 === 0 ? "https://llm.example.com/v1" : null;
      const binding = { owner: userId, provider: "openai", record: id, baseUrl: base_url };
      return {
        ...{ id, user_id: userId, provider: "openai", name: secret.split("@")[0], base_url },
        ...{ sealed_key: await envelopes.seal(secret, binding), fingerprint: id, status: "valid" },
        is_preferred: false,
      };
    }),
  );
  await sql`insert into private.byok_keys ${sql(rows)}`;
  return ids;
}

/** Stores keys of the pool. Returns their ids, which rise. */
export async function storePoolKeys(
  sql: Database,
  secrets: string[],
  envelopes: Envelopes,
): Promise<string[]> {
  const ids = secrets.map(() => randomUUID()).toSorted();
  const rows = await Promise.all(
    secrets.map(async (secret, index) => {
      const id = ids[index] as string;
      const binding = { owner: "platform", provider: "openai", record: id };
      return { id, provider: "openai", sealed_key: await envelopes.seal(secret, binding) };
    }),
  );
  await sql`insert into private.provider_keys ${sql(rows)}`;
  return ids;
}

/** What a row of an own key holds with another secret in it. */
export async function sealForRow(
  sql: Database,
  id: string,
  secret: string,
  envelopes: Envelopes,
): Promise<string> {
  const [{ owner, baseUrl }] = await sql<[{ owner: string; baseUrl: string | null }]>`
    select user_id as owner, base_url as "baseUrl" from private.byok_keys where id = ${id}`;
  return envelopes.seal(secret, { owner, provider: "openai", record: id, baseUrl });
}

export interface OpenedKey {
  id: string;
  kid: string;
  sealedKey: string;
  secret: string;
}

/** All stored keys that open with both root keys, in the order of their secrets. */
export async function openStoredKeys(sql: Database): Promise<OpenedKey[]> {
  const rows = await sql<{ id: string; owner: string; baseUrl: string | null; sealedKey: string }[]>`
    select id, 'platform' as owner, null as "baseUrl", sealed_key as "sealedKey" from private.provider_keys
    union all select id, user_id::text, base_url, sealed_key from private.byok_keys`;
  const opened = rows.map(async ({ id, owner, baseUrl, sealedKey }) => {
    const secret = await active.open(sealedKey, { owner, provider: "openai", record: id, baseUrl });
    return { id, kid: sealedKey.split(".")[1] as string, sealedKey, secret: secret.reveal() };
  });
  const settled = await Promise.allSettled(opened);
  return settled
    .flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))
    .toSorted((a, b) => (a.secret < b.secret ? -1 : 1));
}

/** So many secrets, in order. */
export function makeSecrets(count: number, prefix = "sk-Canary"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, "0")}`);
}
