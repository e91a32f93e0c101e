import { expect } from "vitest";
import type { Database } from "./connect-database.ts";

export interface AccountLock {
  /** Returns once so many sessions wait for the lock, or for one that waits for it. */
  waitForBlocked(count: number): Promise<void>;
  release(): Promise<void>;
}

/** Locks somebody's account, so that nothing of theirs can be held or settled until the release. */
export async function lockAccount(sql: Database, userId: string): Promise<AccountLock> {
  const session = await sql.reserve();
  await session`begin`;
  const [{ pid }] = await session<[{ pid: number }]>`
    select pg_backend_pid() as pid from private.accounts where user_id = ${userId} for update`;
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
    async release() {
      await session`commit`;
      session.release();
    },
  };
}
