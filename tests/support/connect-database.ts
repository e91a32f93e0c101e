import { afterAll, expect, inject } from "vitest";
import { type Database, openDatabase } from "./open-database.ts";

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
