import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import { readTime } from "../database/read-time.ts";
import { toCamelCase } from "../domain/camel-case.ts";

export interface Price {
  /** In the currency's smallest unit, such as cents. */
  amount: number;
  currency: string;
}

export interface PlanLimit {
  scope: string;
  /** The model or provider; null for all. */
  scopeId: string | null;
  unit: string;
  window: string;
  /** In the unit: requests, tokens, or nano-USD. */
  amount: number;
}

export interface OfferedPlan {
  id: string;
  name: string;
  /** The plan of who has bought none. */
  isDefault: boolean;
  byok: "forbidden" | "allowed" | "required";
  /** How many models it includes. */
  models: number;
  /** What can be bought, by its interval. */
  prices: { month?: Price; year?: Price };
  /** What has no limit is unlimited. */
  limits: PlanLimit[];
}

/** A row of a table that compares plans: what each has of one limit; null for unlimited. */
export interface ComparisonRow extends Omit<PlanLimit, "amount"> {
  amounts: Record<string, number | null>;
}

export interface PlanOverview {
  /** From the cheapest to the dearest. */
  plans: OfferedPlan[];
  comparison: ComparisonRow[];
  /** Amounts of credits that can be bought, in nano-USD. */
  credits: ({ creditNano: number } & Price)[];
}

/** The plan and the subscription of a caller. Times are ISO 8601. */
export interface Billing {
  plan: { id: string; name: string };
  /** A plan that follows by itself: what was chosen, or what is left when the subscription ends. */
  nextPlan: { id: string; at: string } | null;
  /** Whether something was ever bought: the portal and the invoices are there. */
  isCustomer: boolean;
  subscription: {
    id: string;
    /** In Stripe's words: `active`, `trialing`, `past_due` … */
    status: string;
    plan: string | null;
    interval: "month" | "year" | null;
    currency: string;
    /** What a month costs, in the currency's smallest unit, before discounts and taxes. */
    monthlyAmount: number;
    periodStart: string | null;
    periodEnd: string | null;
    /** When it is scheduled to end. */
    endsAt: string | null;
    /** Until when it gives its plan though its renewal could not be collected. */
    graceEndsAt: string | null;
    /** Whether an invoice waits to be paid or confirmed: in the portal. */
    paymentDue: boolean;
  } | null;
}

export async function readPlans(database: Database): Promise<PlanOverview> {
  const answer = toCamelCase(unwrap(await database.rpc("list_plans"))) as Omit<PlanOverview, "comparison">;
  return { ...answer, comparison: compare(answer.plans) };
}

/** @throws SluiceError unauthorized where the account is gone */
export async function readBilling(database: Database, userId: string): Promise<Billing> {
  const answer = await database.rpc("get_billing", { user_id: userId });
  const { nextPlan, subscription, ...billing } = toCamelCase(unwrapFound(answer, "unauthorized")) as Billing;
  return {
    ...billing,
    nextPlan: nextPlan && { ...nextPlan, at: readTime(nextPlan.at) },
    subscription: subscription && {
      ...subscription,
      periodStart: readTime(subscription.periodStart),
      periodEnd: readTime(subscription.periodEnd),
      endsAt: readTime(subscription.endsAt),
      graceEndsAt: readTime(subscription.graceEndsAt),
    },
  };
}

/** The plans side by side, a row for each limit that one of them has. */
export function compare(plans: OfferedPlan[]): ComparisonRow[] {
  const rows = new Map<string, ComparisonRow>();
  for (const plan of plans)
    for (const { amount, ...limit } of plan.limits) {
      const key = JSON.stringify([limit.scope, limit.scopeId, limit.unit, limit.window]);
      const unlimited = Object.fromEntries(plans.map(({ id }) => [id, null]));
      const row = rows.get(key) ?? { ...limit, amounts: unlimited };
      row.amounts[plan.id] = amount;
      rows.set(key, row);
    }
  return [...rows.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
