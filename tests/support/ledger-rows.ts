import { randomUUID } from "node:crypto";
import type { Database } from "./open-database.ts";

/** What was charged at some time, but for what a test does not care about. */
export interface LedgerRow {
  /** ISO 8601. */
  heldAt: string;
  holdId?: string;
  attempt?: number;
  model?: string;
  provider?: string;
  conversationId?: string;
  inputTokens?: number;
  outputTokens?: number;
  costNano?: number;
}

/** Adds rows to the ledger, as if somebody had made these requests then: one each, unless they have a hold in common. */
export async function addLedgerRows(sql: Database, userId: string, rows: LedgerRow[]): Promise<void> {
  for (const row of rows) {
    await sql`select private.create_ledger_partition(${row.heldAt})`;
    await sql`
      insert into private.ledger (
        hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, conversation_id, model_id, provider,
        upstream_model, price_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano,
        created_at
      ) values (
        ${row.holdId ?? randomUUID()}, ${row.attempt ?? 1}, 'charge', ${row.heldAt}, 'completed', false, false, ${userId}, 'free',
        ${row.conversationId ?? null}, ${row.model ?? "test/past"}, ${row.provider ?? "openai"}, 'past', 1,
        ${row.inputTokens ?? 0}, 0, 0, ${row.outputTokens ?? 0}, 0, ${row.costNano ?? 0}, ${row.heldAt}
      )`;
  }
}
