import { expect } from "vitest";
import { keyOf, limitOf, nameOf, type Price, toPriceRow } from "../catalogue.ts";
import { inOrder } from "../offers.ts";
import type { Offer, State } from "../state.ts";
import { type Command, createCommand, pick } from "./command.ts";

/** A limit of the project is set to another amount, or removed (null). */
export function limitProject(input: { key: string; amount: number | null }): Command {
  return createCommand("limitProject", input, {
    async run(state, session) {
      const { scope, scopeId, unit, window } = keyOf(input.key);
      if (input.amount === null) {
        state.projectLimits.delete(nameOf(keyOf(input.key)));
        await session`
          delete from private.project_limits
          where scope = ${scope} and scope_id = ${scopeId} and unit = ${unit} and "window" = ${window}`;
      } else {
        state.projectLimits.set(nameOf(keyOf(input.key)), limitOf(input.key, input.amount));
        await session`
          insert into private.project_limits (scope, scope_id, unit, "window", amount)
          values (${scope}, ${scopeId}, ${unit}, ${window}, ${input.amount})
          on conflict (scope, scope_id, unit, "window") do update set amount = excluded.amount`;
      }
    },
  });
}

/** A route gets another price: so many times the one it has. What is held keeps the one it was held at. */
export function reprice(input: { route: number; times: number }): Command {
  const offersOf = ({ offers }: State) => [...offers.values()].flat();
  return createCommand("reprice", input, {
    // A route has one new price at a time.
    check: (state) => (pick(offersOf(state), input.route) as Offer).since < state.now,
    async run(state, session) {
      const offer = pick(offersOf(state), input.route) as Offer;
      const scale = (amount: bigint) => (amount * BigInt(input.times)) / 100n;
      const price = Object.fromEntries(
        Object.entries(offer.price).map(([name, amount]) => [name, scale(amount)]),
      ) as unknown as Price;
      const [rest] = await session<[{ route_id: number; valid_from: Date }]>`
        select route_id, test_clock.now() as valid_from from private.route_prices where id = ${offer.priceId}`;
      const [{ id }] = await session<[{ id: number }]>`
        insert into private.route_prices ${session({ ...toPriceRow(price), ...rest })} returning id`;
      expect(id).toBeGreaterThan(offer.priceId);
      for (const [model, offers] of state.offers)
        state.offers.set(
          model,
          inOrder(
            model,
            offers.map((other) =>
              other === offer ? { ...offer, priceId: id, price, tiers: [], since: state.now } : other,
            ),
          ),
        );
    },
  });
}
