import { expect } from "vitest";
import type { Database } from "./open-database.ts";

export interface Lock {
  /** Returns once so many sessions wait for the lock, or for one that waits for it. */
  waitForBlocked(count: number): Promise<void>;
  /** Cancels the statements that wait for it, as a timeout does: their transactions are undone. */
  cancelBlocked(): Promise<void>;
  release(): Promise<void>;
  /** Releases it, and undoes what the statement did. */
  rollback(): Promise<void>;
}

type Session = Awaited<ReturnType<Database["reserve"]>>;

/** Runs a statement that locks a row and tells the `pid` of its session, and keeps the lock until the release. */
export async function lockRow(
  sql: Database,
  lock: (session: Session) => PromiseLike<readonly unknown[]>,
): Promise<Lock> {
  const session = await sql.reserve();
  await session`begin`;
  const [{ pid }] = (await lock(session)) as [{ pid: number }];
  return {
    async waitForBlocked(count) {
      await expect
        .poll(
          () => sql`
            with recursive waiting as (
              select ${pid}::integer as pid
              union
              select a.pid from pg_stat_activity a join waiting w on w.pid = any (pg_blocking_pids(a.pid))
              where a.wait_event_type = 'Lock'
            )
            select from waiting where pid <> ${pid}`,
          { timeout: 10_000 },
        )
        .toHaveLength(count);
    },
    async cancelBlocked() {
      await sql`select pg_cancel_backend(a.pid) from pg_stat_activity a where ${pid}::integer = any (pg_blocking_pids(a.pid))`;
    },
    async release() {
      await session`commit`;
      session.release();
    },
    async rollback() {
      await session`rollback`;
      session.release();
    },
  };
}
