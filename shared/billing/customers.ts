import type Stripe from "stripe";
import { type Database, unwrap } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import { SluiceError } from "../domain/errors.ts";
import { atStripe, isDeletedCustomer, isMissing } from "./stripe-client.ts";
import type { StripeSync } from "./stripe-sync.ts";

/** Somebody who buys. */
export interface Buyer {
  userId: string;
  /** Where Stripe sends receipts; null where it is not known: Stripe's page asks for it then. */
  email: string | null;
}

/** The right to change a caller's billing, which nobody else has meanwhile. */
export interface Lease {
  id: string;
  /** The caller's customer at Stripe; null where there is none yet. */
  customerId: string | null;
  /** How many customers of theirs were deleted. */
  customersBefore: number;
}

export interface Customers {
  /**
   * Does something that nobody else may do for this caller at the same time.
   * @throws SluiceError billing_busy while somebody does; unauthorized where the account is gone
   */
  withLease<Result>(userId: string, work: (lease: Lease) => Promise<Result>): Promise<Result>;
  /**
   * Does something with the caller's customer, who is made first where there is none, or where it was deleted at Stripe.
   * @throws SluiceError billing_unavailable, and what `work` throws
   */
  withCustomer<Result>(
    lease: Lease,
    buyer: Buyer,
    work: (customerId: string) => Promise<Result>,
  ): Promise<Result>;
  /**
   * To be called before Stripe is asked for somebody: what it allows is all callers' together.
   * @returns their customer; null for none
   * @throws SluiceError rate_limited, after sixty times in a minute; unauthorized where the account is gone
   */
  beginCall(userId: string): Promise<string | null>;
}

interface CustomersOptions {
  stripe: Stripe;
  database: Database;
  sync: StripeSync;
  newId(): string;
}

export function createCustomers({ stripe, database, sync, newId }: CustomersOptions): Customers {
  async function withLease<Result>(userId: string, work: (lease: Lease) => Promise<Result>): Promise<Result> {
    const id = newId();
    const named = { user_id: userId, lease_id: id };
    const answer = unwrap(await database.rpc("lease_billing", named)) as unknown as LeaseAnswer;
    if (answer.refusal !== undefined) throw new SluiceError(codeOfRefusal(answer.refusal));
    try {
      return await work({ id, customerId: answer.customer_id, customersBefore: answer.customers_before });
    } finally {
      // Where this fails the lease ends by itself; what was done is done.
      await database.rpc("release_billing", named);
    }
  }

  async function make({ customersBefore }: Lease, { userId, email }: Buyer): Promise<string> {
    const customerId = await atStripe(async () => {
      // Without the address, which may change: the same key must always say the same. So two who begin at once make one customer.
      const idempotencyKey = `sluice-customer-${userId}-${customersBefore}`;
      const { id } = await stripe.customers.create({ metadata: { user_id: userId } }, { idempotencyKey });
      if (email !== null) await stripe.customers.update(id, { email });
      return id;
    });
    const named = { user_id: userId, customer_id: customerId };
    return unwrap(await database.rpc("put_stripe_customer", named));
  }

  return {
    withLease,

    async withCustomer(lease, buyer, work) {
      const { customerId } = lease;
      if (customerId === null) return work(await make(lease, buyer));
      try {
        return await work(customerId);
      } catch (error) {
        if (!isMissing(error) || !(await atStripe(() => isDeletedCustomer(stripe, customerId)))) throw error;
        await sync.forgetCustomer(customerId);
        return work(await make({ ...lease, customersBefore: lease.customersBefore + 1 }, buyer));
      }
    },

    async beginCall(userId) {
      const answer = unwrap(await database.rpc("begin_billing_call", { user_id: userId })) as CallAnswer;
      if (answer.refusal === undefined) return answer.customer_id ?? null;
      const { retry_after_seconds: retryAfterSeconds } = answer;
      throw new SluiceError(codeOfRefusal(answer.refusal), retryAfterSeconds ? { retryAfterSeconds } : {});
    },
  };
}

interface LeaseAnswer {
  refusal?: string;
  customer_id: string | null;
  customers_before: number;
}

interface CallAnswer {
  refusal?: string;
  retry_after_seconds?: number;
  customer_id?: string | null;
}
