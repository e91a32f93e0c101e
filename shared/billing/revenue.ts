import { z } from "zod";
import { type Page, readCursor, writeCursor } from "../database/cursor.ts";
import { type Database, unwrap } from "../database/database.ts";
import { toCamelCase } from "../domain/camel-case.ts";

/** A time from a moment on, up to another. ISO 8601. */
export interface Period {
  from: string;
  to: string;
}

/** What recurs each month at this moment, in the currency's smallest unit, before discounts and taxes. */
export interface Recurring {
  currency: string;
  monthlyAmount: number;
  subscribers: number;
}

interface PlanRevenue {
  /** Null for what was paid for no subscription, such as credits. */
  plan: string | null;
  recurring: Recurring[];
  /** What came in, less refunds and disputes, in the currency's smallest unit. */
  revenue: { currency: string; amount: number; payments: number }[];
  /** What providers cost, in nano-USD. */
  costNano: number;
}

interface Revenue {
  recurring: Recurring[];
  /** Of those who subscribed when the period began, how many did not when it ended; `rate` is null of nobody. */
  churn: { atStart: number; lost: number; rate: number | null };
  plans: PlanRevenue[];
}

/** What a caller paid in US dollars, and cost: in nano-USD. */
interface Margin {
  userId: string;
  /** Null for an account that is gone. */
  plan: string | null;
  revenueNano: number;
  costNano: number;
  marginNano: number;
  /** Paid in besides, and not counted. */
  otherCurrencies: string[];
}

export interface RevenueReader {
  read(period: Period): Promise<Revenue>;
  /** Those first who cost most more than they paid. */
  listMargins(period: Period, page: Page): Promise<{ margins: Margin[]; nextCursor: string | null }>;
}

/** Revenue by `get_revenue` and `list_margins`. */
export function createRevenueReader(database: Database): RevenueReader {
  return {
    async read({ from, to }) {
      const answer = await database.rpc("get_revenue", { from_at: from, to_at: to });
      return toCamelCase(unwrap(answer)) as Revenue;
    },

    async listMargins({ from, to }, { limit, cursor }) {
      const after = cursor === undefined ? null : readCursor(cursor, z.tuple([z.number(), z.uuid()]));
      const answer = await database.rpc("list_margins", {
        from_at: from,
        to_at: to,
        page_limit: limit + 1,
        ...(after === null ? {} : { after_margin: after[0], after_user: after[1] }),
      });
      const rows = toCamelCase(unwrap(answer)) as Margin[];
      const margins = rows.slice(0, limit);
      const last = margins.at(-1);
      const isMore = rows.length > limit && last !== undefined;
      return { margins, nextCursor: isMore ? writeCursor([last.marginNano, last.userId]) : null };
    },
  };
}
