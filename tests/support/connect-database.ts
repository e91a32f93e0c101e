import postgres from "postgres";
import { afterAll, expect, inject } from "vitest";

export type Database = ReturnType<typeof openDatabase>;

/** Opens a database, with at most so many sessions, to be ended by who opens it. Notices are printed unless they are taken. */
export function openDatabase(
  url: string,
  { max = 5, ...options }: { max?: number; onnotice?: () => void } = {},
) {
  return postgres(url, {
    ...options,
    max,
    // All of ours stay below 2^53.
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}

/**
 * Connects the tests of one file to the stack's database, as its owner. When they are done, no counter of anybody's limits
 * may differ from the ledger and the pending holds, and no credits from their entries.
 */
export function connectDatabase(): Database {
  const sql = openDatabase(inject("stack").dbUrl);
  afterAll(async () => {
    const drift = [
      ...(await sql`select * from private.metering_drift`),
      ...(await sql`select * from private.project_drift`),
      ...(await sql`select * from private.credit_drift`),
    ];
    await sql.end({ timeout: 5 });
    expect(drift).toEqual([]);
  });
  return sql;
}
