import { z } from "zod";
import { newPrice, newProduct } from "../billing/catalogue.ts";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { invalid, missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { flag, list, mergeMetadata, metadata, text, unsettable, whole } from "./parameters.ts";

const recurring = z.strictObject({
  interval: z.enum(["day", "week", "month", "year"]),
  interval_count: whole.optional(),
});

/** Calls for products and prices. */
export function catalogueEndpoints({ state, clock, findPrice }: Core): Endpoint[] {
  return [
    endpoint(
      "POST /v1/products",
      {
        id: text.optional(),
        name: text,
        description: text.optional(),
        active: flag.optional(),
        metadata: metadata.optional(),
      },
      ({ id = newId("prod"), name, description = null, active = true, metadata = {} }) => {
        const product = newProduct({ id, name, description, active, metadata, created: clock.now() });
        if (state.products.has(id))
          throw invalid(`Product already exists: '${id}'`, { code: "resource_already_exists", param: "id" });
        state.products.set(id, product);
        return product;
      },
    ),
    listEndpoint("GET /v1/products", { active: flag.optional() }, ({ active }) =>
      [...state.products.values()].filter((product) => active === undefined || product.active === active),
    ),
    endpoint("GET /v1/products/:id", {}, (_, id = "") => {
      const product = state.products.get(id);
      if (!product) throw missing("product", id);
      return product;
    }),
    endpoint(
      "POST /v1/prices",
      {
        product: text,
        currency: text,
        unit_amount: whole,
        recurring: recurring.optional(),
        lookup_key: text.optional(),
        nickname: text.optional(),
        metadata: metadata.optional(),
      },
      ({ product, currency, unit_amount, recurring, lookup_key = null, nickname = null, metadata = {} }) => {
        if (!state.products.has(product)) throw missing("product", product, "product");
        const price = newPrice({
          id: newId("price"),
          product,
          currency,
          unitAmount: unit_amount,
          interval: recurring?.interval,
          intervalCount: recurring?.interval_count ?? 1,
          lookupKey: lookup_key,
          nickname,
          metadata,
          created: clock.now(),
        });
        state.prices.set(price.id, price);
        return price;
      },
    ),
    listEndpoint(
      "GET /v1/prices",
      {
        active: flag.optional(),
        type: z.enum(["one_time", "recurring"]).optional(),
        product: text.optional(),
        lookup_keys: list(text).optional(),
      },
      ({ active, type, product, lookup_keys: keys }) =>
        [...state.prices.values()].filter(
          (price) =>
            (active === undefined || price.active === active) &&
            (type === undefined || price.type === type) &&
            (product === undefined || price.product === product) &&
            (keys === undefined || keys.includes(price.lookup_key ?? "")),
        ),
    ),
    endpoint("GET /v1/prices/:id", {}, (_, id = "") => findPrice(id, "id")),
    endpoint(
      "POST /v1/prices/:id",
      { active: flag.optional(), metadata: metadata.optional(), lookup_key: unsettable(text).optional() },
      ({ active, metadata, lookup_key }, id = "") => {
        const price = findPrice(id, "id");
        if (active !== undefined) price.active = active;
        if (lookup_key !== undefined) price.lookup_key = lookup_key;
        price.metadata = mergeMetadata(price.metadata, metadata);
        return price;
      },
    ),
  ];
}
