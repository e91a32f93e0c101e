import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import type { LimitState } from "../domain/chat-event.ts";
import { storableText } from "../domain/chat-message.ts";
import type { Usage } from "../domain/usage.ts";
import {
  type BalanceAnswer,
  type LimitsAnswer,
  readBalance,
  readLimits,
  readUsage,
  type UsageAnswer,
  type ZoneRefusal,
  zoneError,
} from "./account-answers.ts";

/** What was used, as the ledger has it. */
export interface UsageTotals extends Usage {
  /** Those that were charged. */
  requests: number;
  /** Nano-USD (1e-9 USD). */
  costNano: number;
}

export const usageGroupings = ["day", "model", "provider", "conversation", "api_key"] as const;
export type UsageGrouping = (typeof usageGroupings)[number];

/** Which usage: from a moment on, up to another. ISO 8601. */
export interface UsageQuery {
  from: string;
  to: string;
  /** Null for the totals alone. */
  groupBy: UsageGrouping | null;
  page: Page;
}

export interface UsageReport {
  totals: UsageTotals;
  /** Days (`YYYY-MM-DD` in the caller's zone) newest first, others in the order of their keys; a null key is no conversation, or no API key. */
  groups: ({ key: string | null } & UsageTotals)[];
  nextCursor: string | null;
}

export interface Plan {
  id: string;
  name: string;
}

/** A limit, and where it comes from. */
export interface AccountLimit extends LimitState {
  source: "plan" | "override" | "catalogue" | "api_key";
  /** Until when it counts, ISO 8601; null where no end is agreed. */
  expiresAt: string | null;
}

export interface AccountLimits {
  plan: Plan;
  /** A plan that was chosen and has not begun. */
  nextPlan: { id: string; at: string } | null;
  /** The IANA name of the zone in which days begin. */
  timeZone: string;
  limits: AccountLimit[];
}

/** The money of a caller, in nano-USD. */
export interface Balance {
  plan: Plan;
  /** Of the month; null where the plan has none. `credited` is the part of `used` that credits paid for. */
  budget: {
    limitNano: number;
    usedNano: number;
    heldNano: number;
    creditedNano: number;
    leftNano: number;
    resetsAt: string;
  } | null;
  credits: { leftNano: number; grants: CreditGrant[] };
}

interface CreditGrant {
  id: string;
  sourceKind: string;
  amountNano: number;
  leftNano: number;
  /** The lowest is consumed first. */
  priority: number;
  expiresAt: string | null;
  createdAt: string;
}

/** The accounts of people. Whoever has none any more is `unauthorized`, but for their usage: the ledger keeps it. */
export interface Accounts {
  readUsage(userId: string, query: UsageQuery): Promise<UsageReport>;
  readLimits(userId: string): Promise<AccountLimits>;
  readBalance(userId: string): Promise<Balance>;
  /**
   * From the next midnight on days begin in this zone.
   * @throws SluiceError invalid_request for a name that is no zone's; rate_limited where it was changed within the day
   */
  setTimeZone(userId: string, timeZone: string): Promise<AccountLimits>;
}

/** Accounts by `get_usage`, `get_limits`, `get_balance` and `set_time_zone`. */
export function createAccounts(database: Database): Accounts {
  return {
    async readUsage(userId, { from, to, groupBy, page }) {
      const cursorOf = z.tuple([z.literal(groupBy), storableText.min(1).max(300)]);
      const key = page.cursor === undefined ? null : readCursor(page.cursor, cursorOf)[1];
      const answer = await database.rpc("get_usage", {
        user_id: userId,
        from_at: from,
        to_at: to,
        page_limit: page.limit,
        ...(groupBy === null ? {} : { group_by: groupBy }),
        ...(key === null ? {} : { page_cursor: key }),
      });
      const { nextKey, ...report } = readUsage(unwrap(answer) as unknown as UsageAnswer);
      return { ...report, nextCursor: groupBy && nextKey && writeCursor([groupBy, nextKey]) };
    },

    readLimits: async (userId) =>
      readLimits(found<LimitsAnswer>(await database.rpc("get_limits", { user_id: userId }))),

    readBalance: async (userId) =>
      readBalance(found<BalanceAnswer>(await database.rpc("get_balance", { user_id: userId }))),

    async setTimeZone(userId, timeZone) {
      const answer = await database.rpc("set_time_zone", { user_id: userId, time_zone: timeZone });
      const limits = found<LimitsAnswer | ZoneRefusal>(answer);
      if (limits.refusal === undefined) return readLimits(limits);
      throw zoneError(limits);
    },
  };
}

/** The data of an answer about somebody; null where there is nobody. */
function found<Answer>(answer: Parameters<typeof unwrap>[0]): Answer {
  return unwrapFound(answer, "unauthorized") as Answer;
}
