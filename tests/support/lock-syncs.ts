import { type Lock, lockRow } from "./lock-row.ts";
import type { Database } from "./open-database.ts";

/**
 * Waits until no other test syncs, and keeps the others waiting until the release: there is one run at a time, and what one list had is
 * missing in another's. What was listed before is forgotten.
 */
export async function lockSyncs(sql: Database): Promise<Lock> {
  const lock = await lockRow(
    sql,
    (session) =>
      session`select pg_backend_pid() as pid, pg_advisory_xact_lock(hashtext('syncs of the catalogue'))`,
  );
  await sql`update private.model_routes set listing = 'unknown', last_seen_at = null where provider = 'openrouter'`;
  return lock;
}
