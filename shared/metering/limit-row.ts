import { readTime } from "../database/read-time.ts";
import type { LimitState } from "../domain/chat-event.ts";

/** A limit in SQL's spelling. */
export interface LimitRow extends Omit<LimitState, "scopeId" | "left" | "resetsAt"> {
  scope_id: string;
  resets_at: string | null;
}

/** A limit as the database has it, with what is left of it. */
export function readLimitRow({
  scope,
  scope_id,
  unit,
  window,
  limit,
  used,
  held,
  resets_at,
}: LimitRow): LimitState {
  return {
    ...{ scope, scopeId: scope_id, unit, window, limit, used, held },
    left: Math.max(0, limit - used - held),
    resetsAt: readTime(resets_at),
  };
}
