import { type Database, unwrap } from "../database/database.ts";
import { SluiceError } from "../domain/errors.ts";

/** What can be bought: a plan by the month or the year, or an amount of credits in nano-USD. */
export type Wanted = { plan: string; interval: "month" | "year" } | { creditNano: number };

/** What somebody wants, beside the subscription that they have. */
export interface Offer {
  priceId: string;
  /** Null for none that has not ended. */
  subscriptionId: string | null;
  /** Whether that is the one which they want. */
  isCurrent: boolean;
  /** Whether it is a dearer plan than theirs, or theirs by the year. */
  isUpgrade: boolean;
}

/** @throws SluiceError plan_not_sold */
export async function findOffer(database: Database, userId: string, wanted: Wanted): Promise<Offer> {
  const fields =
    "plan" in wanted
      ? { plan_id: wanted.plan, interval: wanted.interval }
      : { credit_nano: wanted.creditNano };
  const answer = unwrap(await database.rpc("find_offer", { user_id: userId, ...fields })) as {
    price_id: string | null;
    subscription_id: string | null;
    is_current: boolean | null;
    is_upgrade: boolean | null;
  };
  if (answer.price_id === null)
    throw new SluiceError("plan_not_sold", { param: "plan" in wanted ? "plan" : "creditNano" });
  return {
    priceId: answer.price_id,
    subscriptionId: answer.subscription_id,
    isCurrent: answer.is_current === true,
    // Of a plan that is not known nobody can say; what is dearer counts at once.
    isUpgrade: answer.is_upgrade !== false,
  };
}

/** The subscription of a caller that has not ended; null for none. */
export async function findSubscription(database: Database, userId: string): Promise<string | null> {
  const answer = unwrap(await database.rpc("find_offer", { user_id: userId }));
  return (answer as { subscription_id: string | null }).subscription_id;
}
