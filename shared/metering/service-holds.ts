import { type Database, unwrap } from "../database/database.ts";
import { readTime } from "../database/read-time.ts";
import { readUsageRow, type UsageRow } from "../database/usage-row.ts";
import type { LimitState } from "../domain/chat-event.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Idempotency } from "../domain/idempotency.ts";
import type { Usage } from "../domain/usage.ts";
import { type LimitRow, readLimitRow } from "./limit-row.ts";
import { type Refusal, readRefusal } from "./refusal.ts";

/** What another service of the app wants to hold of somebody's limits: what it can take at most. */
export interface ServiceHoldRequest {
  /** Chosen by the caller of `place`; names the hold from here on. */
  holdId: string;
  userId: string;
  /** The service's name, which limits of scope `provider` can name. */
  service: string;
  tokens: number;
  /** Nano-USD (1e-9 USD). */
  costNano: number;
  /** Holds once, whoever asks how often; null for every time. */
  idempotency: Idempotency | null;
}

/** A hold of a service as it stands. */
export interface ServiceHold {
  id: string;
  state: "pending" | "settled" | "expired";
  /** ISO 8601. From then on it holds nothing; it can be settled all the same. */
  expiresAt: string;
  usage: Usage;
  costNano: number;
  limits: LimitState[];
}

/** Holds of other services of the app. What a chat holds is `hold_not_found` here. */
export interface ServiceHolds {
  /** @throws SluiceError with the refusal, when nothing is held: user_not_found, quota_exceeded, rate_limited, idempotency_mismatch */
  place(request: ServiceHoldRequest): Promise<ServiceHold & { isReplay: boolean }>;
  /** Charges what was used, whatever was held and also after it has expired. Twice is once: the first answer counts. */
  settle(id: string, charge: { usage: Usage; costNano: number }): Promise<ServiceHold>;
  /** Gives back what was held. Changes nothing once it is settled. */
  release(id: string): Promise<ServiceHold>;
}

/** Holds by `place_hold`, `settle_hold` and `release_hold`. */
export function createServiceHolds(database: Database): ServiceHolds {
  return {
    async place({ holdId, userId, service, tokens, costNano, idempotency }) {
      const item = {
        hold_id: holdId,
        user_id: userId,
        service,
        tokens,
        cost_nano: costNano,
        idempotency_key: idempotency?.key ?? null,
        body_hash: idempotency?.bodyHash ?? null,
      };
      const answer = unwrap(await database.rpc("place_hold", { item })) as unknown as HoldAnswer;
      // The service is in order: it is the person whom it names that there is not.
      if (answer.refusal === "SL401") throw new SluiceError("user_not_found", { param: "userId" });
      return { ...readHold(answer), isReplay: answer.is_replay === true };
    },

    async settle(id, { usage, costNano }) {
      const item = {
        hold_id: id,
        cost_nano: costNano,
        usage: {
          input_tokens: usage.inputTokens,
          cache_read_tokens: usage.cacheReadTokens,
          cache_write_tokens: usage.cacheWriteTokens,
          output_tokens: usage.outputTokens,
          reasoning_tokens: usage.reasoningTokens,
        },
      };
      return readHold(unwrap(await database.rpc("settle_hold", { item })) as unknown as HoldAnswer);
    },

    release: async (id) =>
      readHold(unwrap(await database.rpc("release_hold", { hold_id: id })) as unknown as HoldAnswer),
  };
}

type HoldAnswer =
  | (Refusal & { is_replay?: undefined })
  | {
      refusal?: undefined;
      hold_id: string;
      is_replay?: boolean;
      state: ServiceHold["state"];
      expires_at: string;
      usage: UsageRow;
      cost_nano: number;
      limits: LimitRow[];
    };

function readHold(answer: HoldAnswer): ServiceHold {
  if (answer.refusal !== undefined) throw readRefusal(answer);
  return {
    id: answer.hold_id,
    state: answer.state,
    expiresAt: readTime(answer.expires_at),
    usage: readUsageRow(answer.usage),
    costNano: answer.cost_nano,
    limits: answer.limits.map(readLimitRow),
  };
}
