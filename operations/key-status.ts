import type { Sql } from "postgres";
import { keyRingSetting } from "../shared/keys/key-ring.ts";
import { type KeyRingValue, newestOf, numberOf } from "./ring-value.ts";
import { formatCount, kidOf, ownKeys, pool } from "./stored-keys.ts";

export interface RootKeyStatus {
  /** Null for rows that hold no envelope. */
  kid: string | null;
  /** Keys of the pool that are sealed under it. */
  pooled: number;
  own: number;
  state: "active" | "in use" | "new" | "unused" | "unknown";
}

/** Tells what is sealed under each root key: of the ring, and of the rows. */
export async function readKeyStatus({
  sql,
  ring,
}: {
  sql: Sql;
  ring: KeyRingValue;
}): Promise<RootKeyStatus[]> {
  // One statement: between two of them a row could be sealed anew.
  const counts = await sql<Omit<RootKeyStatus, "state">[]>`
    select kid, sum(pooled)::integer as pooled, sum(own)::integer as own
    from (
      select ${kidOf(sql)} as kid, 1 as pooled, 0 as own from ${sql(pool.name)}
      union all
      select ${kidOf(sql)}, 0, 1 from ${sql(ownKeys.name)}
    ) rows
    group by kid`;
  const kids = Object.keys(ring.keys);
  const newest = newestOf(kids);
  const stateOf = (kid: string | null, isUsed: boolean): RootKeyStatus["state"] => {
    if (kid === ring.active) return "active";
    if (kid === null || !kids.includes(kid)) return "unknown";
    if (isUsed) return "in use";
    return kid === newest ? "new" : "unused";
  };
  const unnamed = kids.filter((kid) => !counts.some((count) => count.kid === kid));
  return [...counts, ...unnamed.map((kid) => ({ kid, pooled: 0, own: 0 }))]
    .map(({ kid, pooled, own }) => ({ kid, pooled, own, state: stateOf(kid, pooled + own > 0) }))
    .toSorted(byAge);
}

/** The newest first, then those without a number, then what is no envelope. */
function byAge({ kid: a }: RootKeyStatus, { kid: b }: RootKeyStatus): number {
  if (a === null || b === null) return a === null ? 1 : -1;
  const [ofA, ofB] = [numberOf(a), numberOf(b)];
  if (ofA === ofB) return a < b ? -1 : 1;
  return ofA > ofB ? -1 : 1;
}

const notes: Record<RootKeyStatus["state"], string> = {
  active: "active",
  "in use": "in use until rewrap has sealed these anew",
  new: 'not in use yet: "rotate" makes it active',
  unused: `no row names it: may be dropped from ${keyRingSetting}`,
  unknown: `not in ${keyRingSetting}`,
};

/** The status as a table, and a sentence for each fault. */
export function formatKeyStatus(status: RootKeyStatus[]): { table: string; warnings: string[] } {
  const rows = [
    ["root key", pool.words, ownKeys.words, ""],
    ...status.map(({ kid, pooled, own, state }) => [
      kid ?? "(none)",
      formatCount(pooled),
      formatCount(own),
      kid === null ? "no envelope" : notes[state],
    ]),
  ] as [string, string, string, string][];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const [first = 0, second = 0, third = 0] = widths;
  const table = rows
    .map(([kid, pooled, own, note]) =>
      `${kid.padEnd(first)}  ${pooled.padStart(second)}  ${own.padStart(third)}  ${note}`.trimEnd(),
    )
    .join("\n");
  const warnings = status
    .filter(({ state }) => state === "unknown")
    .map(({ kid, pooled, own }) => {
      const counted = `${pool.words}: ${formatCount(pooled)}, ${ownKeys.words}: ${formatCount(own)}`;
      return kid === null
        ? `Warning: what is stored is no envelope (${counted}). Delete these rows and have the keys saved anew.`
        : `Warning: ${keyRingSetting} does not have ${kid}, so that its keys do not open (${counted}). Put it back, or have them saved anew.`;
    });
  return { table, warnings };
}
