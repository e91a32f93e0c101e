import { randomUUID } from "node:crypto";
import type { SubscriptionRow } from "../../../shared/billing/subscription-row.ts";
import type { Database } from "../../support/open-database.ts";

export interface Customer {
  userId: string;
  customerId: string;
}

export type BillingPlans = Record<"premium" | "pro" | "enterprise", { price: string }>;

const none = { input_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 };

/** Plays what is read at Stripe into the database, as `stripe-sync.ts` does, for a database that has no seeds. */
export function createStripeBooks(sql: Database) {
  const iso = (date: Date | null) => date?.toISOString().replace(".000Z", "Z") ?? null;

  async function draw(): Promise<number> {
    const [row] = await sql<[{ answer: { ticket: number } }]>`select public.begin_stripe_sync() as answer`;
    return row.answer.ticket;
  }

  async function apply(
    { customerId }: Customer,
    ticket: number,
    subscriptions: Partial<SubscriptionRow>[],
    state: Record<string, unknown> = {},
  ) {
    const rows = subscriptions.map((row) => ({
      id: `sub_${customerId}`,
      ...{ status: "active", currency: "usd", monthly_amount: 2000, interval: "month", payment_due: false },
      ...row,
    }));
    const [row] = await sql`
      select public.apply_stripe_sync(${customerId}, ${ticket}, ${sql.json({ ...state, subscriptions: rows } as never)}) as answer`;
    return row?.answer as boolean;
  }

  return {
    draw,
    apply,

    sync: async (
      customer: Customer,
      subscriptions: Partial<SubscriptionRow>[],
      state: Record<string, unknown> = {},
    ) => apply(customer, await draw(), subscriptions, state),

    /** Plans with so many tokens a month, and their prices. */
    async makePlans(): Promise<BillingPlans> {
      const plans = { premium: 100, pro: 1000, enterprise: 10_000 };
      for (const [index, [id, tokens]] of Object.entries(plans).entries()) {
        await sql`insert into private.plans (id, name, rank) values (${id}, ${id}, ${20 + index})`;
        await sql`insert into private.plan_limits (plan_id, unit, "window", amount) values (${id}, 'tokens', 'month', ${tokens})`;
        await sql`
          insert into private.billing_prices (id, plan_id, "interval", currency, amount, is_active, created_at)
          values (${`price_${id}`}, ${id}, 'month', 'usd', 2000, true, '2027-01-01')`;
      }
      const price = (id: string) => ({ price: `price_${id}` });
      return { premium: price("premium"), pro: price("pro"), enterprise: price("enterprise") };
    },

    /** Somebody new, who is a customer already. */
    async signUp(): Promise<Customer> {
      const [{ id: userId }] = await sql<[{ id: string }]>`
        insert into auth.users (email, encrypted_password) values (${`${randomUUID()}@example.com`}, '') returning id`;
      const customerId = `cus_${randomUUID()}`;
      await sql`select public.put_stripe_customer(${userId}, ${customerId})`;
      return { userId, customerId };
    },

    async planOf({ userId }: Customer) {
      const [row] =
        await sql`select plan_id, next_plan_id, next_plan_at from private.current_accounts where user_id = ${userId}`;
      return {
        plan: row?.plan_id as string,
        next: row?.next_plan_id as string | null,
        at: iso(row?.next_plan_at ?? null),
      };
    },

    async alertsOf({ userId }: Customer) {
      return [
        ...(await sql`select kind, data from private.alerts where data ->> 'user_id' = ${userId} order by kind`),
      ];
    },

    /** A payment for the customer's subscription unless it says another, as it stood at Stripe when the ticket was drawn. */
    async pay(
      customer: Customer | undefined,
      payment: { amount: number; paid_at: string } & Record<string, unknown>,
      ticket?: number,
    ) {
      const { customerId } = customer as Customer;
      const row = {
        id: `pi_${randomUUID()}`,
        subscription_id: `sub_${customerId}`,
        currency: "usd",
        refunded: 0,
        disputed: 0,
        lines: [],
        ...payment,
      };
      await sql`select public.apply_stripe_sync(${customerId}, ${ticket ?? (await draw())}, ${sql.json({ payments: [row] } as never)})`;
    },

    /** Uses so many tokens, for so much; false where a limit refuses them. */
    async spend({ userId }: Customer, tokens: number, costNano = 0): Promise<boolean> {
      const item = { hold_id: randomUUID(), user_id: userId, service: "test", tokens, cost_nano: costNano };
      const [row] = await sql<
        [{ answer: { refusal?: string } }]
      >`select public.place_hold(${sql.json(item)}) as answer`;
      if (row.answer.refusal !== undefined) return false;
      const usage = { ...none, output_tokens: tokens };
      await sql`select public.settle_hold(${sql.json({ hold_id: item.hold_id, usage, cost_nano: costNano })})`;
      return true;
    },

    async windowOf({ userId }: Customer) {
      const [row] = await sql`
        select used, epoch, period_end from private.usage_windows where user_id = ${userId} and "window" = 'month' and unit = 'tokens'`;
      return { used: row?.used as number, epoch: row?.epoch as number, ends: iso(row?.period_end ?? null) };
    },
  };
}
