import { readTime } from "../database/read-time.ts";
import { readUsageRow, type UsageRow } from "../database/usage-row.ts";
import { SluiceError } from "../domain/errors.ts";
import type { AccountLimit, AccountLimits, Balance, Plan, UsageTotals } from "./accounts.ts";
import { type LimitRow, readLimitRow } from "./limit-row.ts";

// What `get_usage`, `get_limits`, `get_balance` and `set_time_zone` answer, in SQL's spelling.

type UsageTotalsRow = UsageRow & { requests: number; cost_nano: number };

export interface UsageAnswer {
  totals: UsageTotalsRow;
  groups: (UsageTotalsRow & { key: string | null })[];
  next_cursor: string | null;
}

function readTotals(row: UsageTotalsRow): UsageTotals {
  return { requests: row.requests, ...readUsageRow(row), costNano: row.cost_nano };
}

export function readUsage({ totals, groups, next_cursor }: UsageAnswer) {
  return {
    totals: readTotals(totals),
    groups: groups.map((group) => ({ key: group.key, ...readTotals(group) })),
    nextKey: next_cursor,
  };
}

export interface LimitsAnswer {
  refusal?: undefined;
  plan: Plan;
  next_plan: { id: string; at: string } | null;
  time_zone: string;
  limits: (LimitRow & Pick<AccountLimit, "source"> & { expires_at: string | null })[];
}

export function readLimits({ plan, next_plan, time_zone, limits }: LimitsAnswer): AccountLimits {
  return {
    plan,
    nextPlan: next_plan && { id: next_plan.id, at: readTime(next_plan.at) },
    timeZone: time_zone,
    limits: limits.map((row) => ({
      ...readLimitRow(row),
      source: row.source,
      expiresAt: readTime(row.expires_at),
    })),
  };
}

export interface BalanceAnswer {
  plan: Plan;
  budget: {
    limit_nano: number;
    used_nano: number;
    held_nano: number;
    credited_nano: number;
    resets_at: string;
  } | null;
  credits: {
    left_nano: number;
    grants: {
      id: string;
      source_kind: string;
      amount_nano: number;
      left_nano: number;
      priority: number;
      expires_at: string | null;
      created_at: string;
    }[];
  };
}

export function readBalance({ plan, budget, credits }: BalanceAnswer): Balance {
  return {
    plan,
    budget: budget && {
      limitNano: budget.limit_nano,
      usedNano: budget.used_nano,
      heldNano: budget.held_nano,
      creditedNano: budget.credited_nano,
      leftNano: Math.max(0, budget.limit_nano + budget.credited_nano - budget.used_nano - budget.held_nano),
      resetsAt: readTime(budget.resets_at),
    },
    credits: {
      leftNano: credits.left_nano,
      grants: credits.grants.map((grant) => ({
        id: grant.id,
        sourceKind: grant.source_kind,
        amountNano: grant.amount_nano,
        leftNano: grant.left_nano,
        priority: grant.priority,
        expiresAt: readTime(grant.expires_at),
        createdAt: readTime(grant.created_at),
      })),
    },
  };
}

export type ZoneRefusal = { detail?: { resets_at: string; retry_after_ms: number } } & {
  refusal: "SL400" | "SL401" | "SL429";
};

/** Why a zone was not taken. */
export function zoneError({ refusal, detail }: ZoneRefusal): SluiceError {
  if (refusal === "SL429" && detail !== undefined) {
    const resetsAt = readTime(detail.resets_at);
    return new SluiceError("rate_limited", {
      param: "timeZone",
      message: `timeZone: was changed within a day. It can be changed again at ${resetsAt}.`,
      retryAfterSeconds: Math.ceil(detail.retry_after_ms / 1000),
      detail: { resetsAt },
    });
  }
  if (refusal === "SL401") return new SluiceError("unauthorized");
  return new SluiceError("invalid_request", {
    param: "timeZone",
    message: "timeZone: is not the name of a time zone: send one such as Europe/Berlin or UTC.",
  });
}
