import type Stripe from "stripe";
import type { Core } from "../core.ts";
import type { createEntitlements } from "../entitlements.ts";
import { newId } from "../new-id.ts";
import { invalid, missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { metadata, text } from "./parameters.ts";

/** Calls for features and for who has them. */
export function entitlementEndpoints(
  core: Core,
  entitlements: ReturnType<typeof createEntitlements>,
): Endpoint[] {
  const { state } = core;
  return [
    listEndpoint("GET /v1/entitlements/active_entitlements", { customer: text }, ({ customer }) => {
      core.requireCustomer(customer);
      return entitlements.list(customer);
    }),
    endpoint(
      "POST /v1/entitlements/features",
      { lookup_key: text, name: text, metadata: metadata.optional() },
      ({ lookup_key, name, metadata = {} }) => {
        if ([...state.features.values()].some((feature) => feature.lookup_key === lookup_key))
          throw invalid(`A feature already exists with the lookup key '${lookup_key}'.`, {
            param: "lookup_key",
          });
        const feature: Stripe.Entitlements.Feature = {
          id: newId("feat"),
          object: "entitlements.feature",
          active: true,
          livemode: false,
          lookup_key,
          metadata,
          name,
        };
        state.features.set(feature.id, feature);
        return feature;
      },
    ),
    listEndpoint("GET /v1/entitlements/features", { lookup_key: text.optional() }, ({ lookup_key }) =>
      [...state.features.values()].filter(
        (feature) => lookup_key === undefined || feature.lookup_key === lookup_key,
      ),
    ),
    endpoint(
      "POST /v1/products/:id/features",
      { entitlement_feature: text },
      ({ entitlement_feature }, product = "") => {
        requireProduct(product);
        const feature = state.features.get(entitlement_feature);
        if (!feature) throw missing("feature", entitlement_feature, "entitlement_feature");
        const attached: Stripe.ProductFeature = {
          id: newId("prodft"),
          object: "product_feature",
          entitlement_feature: feature,
          livemode: false,
        };
        state.productFeatures.set(attached.id, { product, feature: attached });
        // Who subscribes to the product has the feature from now on.
        for (const customer of state.customers.keys()) entitlements.refresh(customer);
        return attached;
      },
    ),
    listEndpoint("GET /v1/products/:id/features", {}, (_, product = "") => {
      requireProduct(product);
      return [...state.productFeatures.values()].flatMap((each) =>
        each.product === product ? [each.feature] : [],
      );
    }),
  ];

  function requireProduct(id: string): void {
    if (!state.products.has(id)) throw missing("product", id);
  }
}
