import { models } from "./catalogue.ts";
import type { Session } from "./observe.ts";
import { findModel, type Offer } from "./state.ts";

/** What each model's routes charge, with the ids that the database has given their prices. */
export async function readOffers(session: Session): Promise<Map<string, Offer[]>> {
  const rows = await session<{ model_id: string; provider: string; price_id: number }[]>`
    select r.model_id, r.provider, p.id as price_id
    from private.model_routes r join private.route_prices p on p.route_id = r.id`;
  return new Map(
    models.map(({ id, routes }) => {
      const offers = routes.map(({ provider, priority, price, tiers = [] }) => {
        const row = rows.find(({ model_id, provider: name }) => model_id === id && name === provider);
        return {
          provider,
          priority,
          price,
          tiers,
          priceId: row?.price_id ?? 0,
          since: Number.NEGATIVE_INFINITY,
        };
      });
      return [id, inOrder(id, offers)];
    }),
  );
}

/** Offers in the order in which they are tried. Prompts are taken to be three times as long as answers. */
export function inOrder(modelId: string, offers: Offer[]): Offer[] {
  const isByPrice = findModel(modelId)?.order === "cheapest";
  const rank = ({ priority, price }: Offer) =>
    isByPrice ? Number(3n * price.input + price.output) : priority;
  return offers.toSorted((one, other) => rank(one) - rank(other));
}
