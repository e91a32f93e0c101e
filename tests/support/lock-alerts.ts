import { type Lock, lockRow } from "./lock-row.ts";
import type { Database } from "./open-database.ts";

/** Waits until no other test delivers alerts, and keeps the others waiting until the release: whoever delivers delivers all. */
export function lockAlerts(sql: Database): Promise<Lock> {
  return lockRow(
    sql,
    (session) =>
      session`select pg_backend_pid() as pid, pg_advisory_xact_lock(hashtext('delivery of alerts'))`,
  );
}
