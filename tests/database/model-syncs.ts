import { randomUUID } from "node:crypto";
import type { Feed } from "../../shared/catalogue/feed.ts";
import type { Database } from "../support/open-database.ts";

/** A row of the log, as the API of the database tells it. */
export interface SyncRow {
  status: "running" | "succeeded" | "failed";
  listed: number;
  added: number;
  updated: number;
  inactivated: number;
  returned: number;
  routes_added: number;
  held_prices: number;
  quarantined: number;
  error: string | null;
  changes: { added: string[]; updated: string[]; inactivated: string[]; returned: string[] };
}

/** Runs one sync of a source, from begin to end. */
export async function syncFeed(sql: Database, feed: Feed, source = "openrouter"): Promise<SyncRow> {
  const runId = randomUUID();
  await sql`select public.begin_model_sync(${runId}, ${[source]})`;
  const [answer] = await sql<[{ row: SyncRow }]>`
    select public.apply_model_feed(${runId}, ${source}, ${sql.json(feed as never)}) as row`;
  return answer.row;
}

/** What a sync changed, in numbers. */
export function countsOf({ added, updated, inactivated, returned, held_prices, quarantined }: SyncRow) {
  return { added, updated, inactivated, returned, held_prices, quarantined };
}

export const noChange: ReturnType<typeof countsOf> = {
  ...{ added: 0, updated: 0, inactivated: 0, returned: 0 },
  ...{ held_prices: 0, quarantined: 0 },
};

/** Forgets all models and runs, as the owner of the tables: also what is append-only. */
export async function emptyCatalogue(sql: Database): Promise<void> {
  await sql`set client_min_messages = warning`;
  await sql`alter table private.route_prices disable trigger user`;
  await sql`alter table private.route_price_tiers disable trigger user`;
  await sql`truncate private.models, private.route_prices, private.model_sync_log, private.alerts cascade`;
  await sql`alter table private.route_prices enable trigger user`;
  await sql`alter table private.route_price_tiers enable trigger user`;
}
