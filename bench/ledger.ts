import type { Sql } from "postgres";

interface LedgerRow {
  user_id: string;
  rows: number;
  chats: number;
  odd: number;
}

/**
 * Compares the ledger with what clients were answered. `chats` is the number of answers each user got.
 * Returns a sentence for each kind of fault: without one, every chat has exactly one row, charged as the provider reported,
 * and nothing is held any more.
 */
export async function findLedgerFaults(sql: Sql, chats: ReadonlyMap<string, number>): Promise<string[]> {
  const ledger = await sql<LedgerRow[]>`
    select
      user_id, count(*)::integer as rows, count(distinct hold_id)::integer as chats,
      (count(*) filter (where entry <> 'charge' or outcome <> 'completed' or estimated or cost_nano <= 0))::integer as odd
    from private.ledger
    group by user_id`;
  const rowOf = new Map(ledger.map((row) => [row.user_id, row]));
  const faults: string[] = [];
  for (const [userId, expected] of chats) {
    const { rows, chats: charged, odd } = rowOf.get(userId) ?? { rows: 0, chats: 0, odd: 0 };
    if (rows !== expected || charged !== expected)
      faults.push(`User ${userId} got ${expected} answers and has ${rows} ledger rows for ${charged} chats.`);
    if (odd > 0) faults.push(`User ${userId} has ${odd} ledger rows that are no exact charge of an answer.`);
  }
  const [pending] = await sql<[{ count: number }]>`
    select count(*)::integer as count from private.holds where state = 'pending'`;
  if (pending.count > 0) faults.push(`${pending.count} holds are still pending.`);
  const [held] = await sql<[{ count: number }]>`
    select count(*)::integer as count from private.usage_windows where held <> 0`;
  if (held.count > 0) faults.push(`${held.count} windows still have something held.`);
  const [drift] = await sql<
    [{ count: number }]
  >`select count(*)::integer as count from private.metering_drift`;
  if (drift.count > 0) faults.push(`${drift.count} windows differ from the ledger (private.metering_drift).`);
  return faults;
}
