import type Stripe from "stripe";
import { z } from "zod";
import type { Core } from "../core.ts";
import { invalid, missing } from "../refusal.ts";
import { flag, list, metadata, text, whole } from "./parameters.ts";

export const itemChanges = list(
  z.strictObject({ id: text, price: text, quantity: whole, deleted: flag, metadata }).partial(),
);

/** The subscription; throws Stripe's refusal where there is none. */
export function findSubscription({ state }: Core, id: string, param = "id"): Stripe.Subscription {
  const subscription = state.subscriptions.get(id);
  if (!subscription) throw missing("subscription", id, param);
  return subscription;
}

/** A price that can be subscribed to now. */
export function findForSale(core: Core, id: string, param: string): Stripe.Price {
  const price = core.findPrice(id, param);
  if (!price.active)
    throw invalid("The price specified is inactive. This field only accepts active prices.", { param });
  if (!price.recurring)
    throw invalid(
      "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
      { param },
    );
  return price;
}

/** What is wanted of a subscription's items, with the prices that it names. */
export function readItems(core: Core, subscription: Stripe.Subscription, items: z.infer<typeof itemChanges>) {
  return items.map(({ id, price, quantity, deleted }, index) => {
    if (id !== undefined && !subscription.items.data.some((item) => item.id === id))
      throw invalid(`The subscription item ${id} does not belong to the subscription ${subscription.id}.`, {
        param: `items[${index}][id]`,
      });
    const found = price === undefined ? undefined : findForSale(core, price, `items[${index}][price]`);
    return { id, price: found, quantity, deleted };
  });
}
