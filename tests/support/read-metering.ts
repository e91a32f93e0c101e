import type { Database } from "./open-database.ts";

export interface Metering {
  holds: { id: string; state: string; max_output_tokens: number }[];
  ledger: {
    hold_id: string;
    attempt: number;
    entry: string;
    outcome: string;
    estimated: boolean;
    input_tokens: number;
    cache_read_tokens: number;
    cache_write_tokens: number;
    output_tokens: number;
    reasoning_tokens: number;
    cost_nano: number;
  }[];
  /** Of all windows but those of a minute. */
  windows: { unit: string; window: string; scope_id: string; epoch: number; used: number; held: number }[];
}

/** All that the database has counted of one person, oldest first. */
export async function readMetering(sql: Database, userId: string): Promise<Metering> {
  const [row] = await sql<[Metering]>`
    select
      (select coalesce(jsonb_agg(h order by h.created_at, h.id), '[]') from private.holds h where h.user_id = ${userId}) as holds,
      (select coalesce(jsonb_agg(l order by l.created_at, l.attempt, l.entry), '[]') from private.ledger l where l.user_id = ${userId}) as ledger,
      (select coalesce(jsonb_agg(w order by w.unit, w."window", w.scope_id), '[]')
        from private.usage_windows w where w.user_id = ${userId}) as windows`;
  return row;
}

/** What it is for somebody who has not used anything. */
export const untouched: Metering = { holds: [], ledger: [], windows: [] };

/** Used and held of each limit of somebody's, by its unit: for those who have one of each. */
export async function readCounters(
  sql: Database,
  userId: string,
): Promise<Record<string, { used: number; held: number }>> {
  const { windows } = await readMetering(sql, userId);
  return Object.fromEntries(windows.map(({ unit, used, held }) => [unit, { used, held }]));
}
