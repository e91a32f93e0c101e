import { type Lock, lockRow } from "./lock-row.ts";
import type { Database } from "./open-database.ts";

/** Locks somebody's account, so that nothing of theirs can be held or settled until the release. */
export function lockAccount(sql: Database, userId: string): Promise<Lock> {
  return lockRow(
    sql,
    (session) =>
      session`select pg_backend_pid() as pid from private.accounts where user_id = ${userId} for update`,
  );
}
