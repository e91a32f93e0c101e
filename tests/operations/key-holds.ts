import { expect, onTestFinished } from "vitest";
import { type Lock, lockRow } from "../support/lock-row.ts";
import { type KeyDatabase, openStoredKeys } from "./key-database.ts";

/** What others do to stored keys, and to the command, while it seals them. */
export function holdKeys(database: KeyDatabase) {
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

  /** Keeps a row as somebody does who is about to change it. */
  const lockKey = (id: string, table = "byok_keys") =>
    lock(
      (session) => session`
        select pg_backend_pid() as pid from ${session(`private.${table}`)} where id = ${id} for no key update`,
    );

  /** Has the command stop in the middle of writing the batch that this row belongs to, until the release. */
  async function holdBatch(id: string) {
    const { sql } = database;
    // Longer than the command would wait for a lock of somebody else.
    await sql`
      create or replace function hold_batch() returns trigger language plpgsql as $$
      begin
        if current_setting('application_name') = 'keys' then
          perform set_config('lock_timeout', '0', true);
          perform pg_advisory_xact_lock_shared(hashtext(new.id::text));
        end if;
        return new;
      end $$`;
    await sql`
      create or replace trigger hold before update of sealed_key on private.byok_keys
        for each row execute function hold_batch()`;
    return lock((session) => session`select pg_backend_pid() as pid, pg_advisory_xact_lock(hashtext(${id}))`);
  }

  /** Resolves once the database does nothing for the command any more. */
  async function waitForRest(): Promise<void> {
    const busy = () => database.sql`
      select from pg_stat_activity
      where application_name = 'keys' and state = 'active' and wait_event is distinct from 'ClientRead'`;
    await expect.poll(busy, { timeout: 10_000, interval: 5 }).toHaveLength(0);
  }

  /** Reads and changes all stored keys; throws where it has to wait for longer than a batch is written. */
  async function changeAll(): Promise<void> {
    await database.sql.begin(async (session) => {
      await session`set local lock_timeout = '2s'`;
      await session`select sealed_key from private.provider_keys union all select sealed_key from private.byok_keys`;
      await session`update private.provider_keys set weight = weight + 1`;
      await session`update private.byok_keys set last_used_at = now()`;
    });
  }

  return { countByKid, lock, lockKey, holdBatch, waitForRest, changeAll };
}
