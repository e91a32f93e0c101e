import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { type Database, unwrap } from "../database/database.ts";
import { toCamelCase } from "../domain/camel-case.ts";
import type { ReconciliationReport } from "./reconciliation.ts";

/** A run as it was taken down. Times are ISO 8601. */
interface LoggedReconciliation extends Omit<ReconciliationReport, "runId"> {
  id: string;
  startedAt: string;
  /** Null while it runs, and for one that was killed. */
  endedAt: string | null;
}

/** Comparisons with Stripe, the last first. */
export async function listReconciliations(
  database: Database,
  { limit, cursor }: Page,
): Promise<{ reconciliations: LoggedReconciliation[]; nextCursor: string | null }> {
  const moment = z.tuple([z.iso.datetime({ offset: true })]);
  const before = cursor === undefined ? null : readCursor(cursor, moment)[0];
  const answer = await database.rpc("list_reconciliations", {
    page_limit: limit + 1,
    ...(before === null ? {} : { before }),
  });
  const runs = toCamelCase(unwrap(answer)) as LoggedReconciliation[];
  const reconciliations = runs.slice(0, limit);
  const last = reconciliations.at(-1);
  const isMore = runs.length > limit && last !== undefined;
  return { reconciliations, nextCursor: isMore ? writeCursor([last.startedAt]) : null };
}
