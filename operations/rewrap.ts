import type { Fragment, Sql } from "postgres";
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
  /** Whether all that is left is locked by somebody else. */
  isWaiting: boolean;
}

export interface TableOutcome {
  table: KeyTable;
  sealed: number;
  /** Rows that do not open, and were left as they are. */
  unopened: { id: string; fault: string }[];
  /** Whether nothing else is left. */
  isComplete: boolean;
}

/** So many rows are locked at once, and for no longer than it takes to seal them: some hundredths of a second. */
export const batchSize = 100;

/** Until somebody who waits for a row looks whether the run should end. */
const waitMs = 1_000;

/**
 * Seals every stored key that is not sealed under the ring's active root key anew, under that.
 * It may be stopped at any moment, and run several times at once: each batch is one transaction, and what it does to a row it does to
 * what it has read there.
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
  const [{ total }] = await sql<[{ total: number }]>`
    select count(*)::integer as total from ${sql(table.name)} where ${isLeft}`;
  const tell = (isWaiting: boolean) =>
    report({ table, sealed: outcome.sealed, total: Math.max(total, outcome.sealed), isWaiting });

  /** Seals the rows that are chosen, in a transaction. Returns the id of the last one. */
  async function sealBatch(choice: Fragment, lockTimeoutMs = 0): Promise<string | undefined> {
    // A row that was changed is read as it is now.
    const rows = await sql.begin("isolation level read committed", async (tx) => {
      // The second for whoever freezes in between: the locks go with the session.
      await tx`
        select set_config('lock_timeout', ${String(lockTimeoutMs)}, true),
          set_config('idle_in_transaction_session_timeout', '10s', true)`;
      const chosen = await tx<StoredKey[]>`
        select ${table.columns(sql)} from ${sql(table.name)} where ${isLeft} and ${choice}`;
      const results = await Promise.all(chosen.map((row) => reseal(envelopes, row)));
      const resealed = results.filter((result) => "resealed" in result);
      const { count } = await tx`
        update ${sql(table.name)} k set sealed_key = i.resealed
        from jsonb_to_recordset(${tx.json(resealed)}) as i (id uuid, "sealedKey" text, resealed text)
        where k.id = i.id and k.sealed_key = i."sealedKey"`;
      return { results, count };
    });
    outcome.sealed += rows.count;
    for (const { id, fault } of rows.results) if (fault !== undefined) outcome.unopened.push({ id, fault });
    if (rows.count > 0) tell(false);
    return rows.results.at(-1)?.id;
  }

  /** Goes through all rows once, past those that somebody has locked. */
  async function pass(): Promise<void> {
    outcome.unopened = [];
    let last: string | undefined;
    do {
      const rest = last === undefined ? sql`true` : sql`id > ${last}`;
      last = await sealBatch(sql`${rest} order by id limit ${batchSize} for update skip locked`);
    } while (last !== undefined && !signal?.aborted);
  }

  /** The first row that was locked, or has come behind the pass. */
  async function findSkipped(): Promise<string | undefined> {
    const unopened = outcome.unopened.map(({ id }) => id);
    const [skipped] = await sql<{ id: string }[]>`
      select id from ${sql(table.name)} where ${isLeft} and id <> all (${unopened}::uuid[]) order by id limit 1`;
    return skipped?.id;
  }

  while (!signal?.aborted) {
    await pass();
    const skipped = await findSkipped();
    outcome.isComplete = skipped === undefined;
    if (skipped === undefined || signal?.aborted) break;
    tell(true);
    // In the queue of its lock: the row of a key that is always in use may never be found free. Nothing else is locked meanwhile.
    await sealBatch(sql`id = ${skipped} for update`, waitMs).catch((error) => {
      if (error?.code !== lockNotAvailable) throw error;
    });
  }
  return outcome;
}

const lockNotAvailable = "55P03";

async function reseal(envelopes: Envelopes, { id, owner, provider, baseUrl, sealedKey }: StoredKey) {
  const binding = { owner, provider, record: id, baseUrl };
  try {
    const secret = await envelopes.open(sealedKey, binding);
    return { id, sealedKey, resealed: await envelopes.seal(secret.reveal(), binding) };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return { id, fault: error.message };
  }
}
