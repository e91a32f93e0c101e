import type { Sql } from "postgres";
import { createEnvelopes, EnvelopeError, type Envelopes } from "../shared/keys/envelope.ts";
import type { KeyRing } from "../shared/keys/key-ring.ts";
import { type KeyTable, kidOf, ownKeys, pool, type StoredKey } from "./stored-keys.ts";

export interface RewrapOptions {
  sql: Sql;
  ring: KeyRing;
  /** Ends the run after the batch. */
  signal?: AbortSignal;
  report?: (progress: Progress) => void;
}

export interface Progress {
  table: KeyTable;
  /** By this run. */
  sealed: number;
  /** How many there were to seal when it began; more where some came later. */
  total: number;
}

export interface TableOutcome {
  table: KeyTable;
  sealed: number;
  /** Rows that do not open, and were left as they are. */
  unopened: { id: string; fault: string }[];
  /** Whether nothing else is left. */
  isComplete: boolean;
}

/** So many rows are changed by one statement, and locked until its end: some milliseconds. */
export const batchSize = 100;

/**
 * Seals every stored key that is not sealed under the ring's active root key anew, under that.
 * It may be stopped at any moment, and run several times at once: nothing is locked between what it reads and what it writes, and a
 * row that has changed by then is left alone.
 */
export async function rewrapKeys(options: RewrapOptions): Promise<TableOutcome[]> {
  const outcomes: TableOutcome[] = [];
  for (const table of [pool, ownKeys]) outcomes.push(await rewrapTable(table, options));
  return outcomes;
}

async function rewrapTable(table: KeyTable, options: RewrapOptions): Promise<TableOutcome> {
  const { sql, ring, signal, report = () => {} } = options;
  const envelopes = createEnvelopes(ring);
  const isLeft = sql`${kidOf(sql)} is distinct from ${envelopes.activeKid}`;
  const outcome: TableOutcome = { table, sealed: 0, unopened: [], isComplete: false };
  let total: number | undefined;

  /** Goes through all rows once. Returns whether it has met none but those that do not open. */
  async function pass(): Promise<boolean> {
    total ??= (
      await sql<[{ left: number }]>`select count(*)::integer as left from ${sql(table.name)} where ${isLeft}`
    )[0].left;
    outcome.unopened = [];
    let isDone = true;
    let last: string | undefined;
    while (!signal?.aborted) {
      const rows = await sql<StoredKey[]>`
        select ${table.columns(sql)} from ${sql(table.name)}
        where ${isLeft} and ${last === undefined ? sql`true` : sql`id > ${last}`} order by id limit ${batchSize}`;
      last = rows.at(-1)?.id;
      if (last === undefined) return isDone;
      const results = await Promise.all(rows.map((row) => reseal(envelopes, row)));
      outcome.unopened.push(...results.filter((result) => "fault" in result));
      const resealed = results.filter((result) => "resealed" in result);
      if (resealed.length === 0) continue;
      isDone = false;
      const count = await write(resealed);
      outcome.sealed += count;
      if (count > 0) report({ table, sealed: outcome.sealed, total: Math.max(total, outcome.sealed) });
    }
    return false;
  }

  /** Returns how many rows have been as they were read. */
  async function write(items: Resealed[]): Promise<number> {
    const answer = await unlessConflict(sql<[{ count: number }]>`
      select public.rewrap_keys(${sql.json(items)}) as count`);
    if (answer !== null) return answer[0].count;
    if (items.length === 1) return 0;
    // One by one: who waits for a row that somebody keeps would keep the others of the batch meanwhile.
    let count = 0;
    for (const item of items) if (!signal?.aborted) count += await write([item]);
    return count;
  }

  // What was changed, or locked by somebody else, is met again by the next pass.
  while (!signal?.aborted && !outcome.isComplete)
    outcome.isComplete = (await unlessConflict(pass())) ?? false;
  return outcome;
}

/** Serialization, which a database may have as its default; deadlock; lock not available. */
const conflicts = new Set(["40001", "40P01", "55P03"]);

/** Null where somebody else's change was in the way. */
async function unlessConflict<T>(work: PromiseLike<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && conflicts.has(String(error.code))) return null;
    throw error;
  }
}

/** As `public.rewrap_keys` takes it. */
type Resealed = { id: string; sealed_key: string; resealed: string };

async function reseal(
  envelopes: Envelopes,
  { id, owner, provider, baseUrl, sealedKey }: StoredKey,
): Promise<Resealed | { id: string; fault: string }> {
  const binding = { owner, provider, record: id, baseUrl };
  try {
    const secret = await envelopes.open(sealedKey, binding);
    return { id, sealed_key: sealedKey, resealed: await envelopes.seal(secret.reveal(), binding) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return { id, fault: error.message };
  }
}
