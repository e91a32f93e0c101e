import { createHash } from "node:crypto";
import type Stripe from "stripe";
import type { Core } from "./core.ts";
import { idOf } from "./state.ts";

/** Statuses of a subscription that give what its product has. */
const live = new Set(["active", "trialing", "past_due"]);

/** What customers may use: the features of the products that they have live subscriptions to. */
export function createEntitlements({ state, emit }: Core) {
  return { list, refresh };

  function list(customer: string): Stripe.Entitlements.ActiveEntitlement[] {
    const products = new Set(
      [...state.subscriptions.values()]
        .filter((subscription) => subscription.customer === customer && live.has(subscription.status))
        .flatMap(({ items }) => items.data.map(({ price }) => idOf(price.product))),
    );
    const features = [...state.productFeatures.values()]
      .filter(({ product }) => products.has(product))
      .map(({ feature }) => feature.entitlement_feature);
    return [...new Map(features.map((feature) => [feature.id, feature])).values()].map((feature) => ({
      id: `ent_test_${createHash("sha256")
        .update(customer + feature.id)
        .digest("hex")
        .slice(0, 24)}`,
      object: "entitlements.active_entitlement",
      feature: feature.id,
      livemode: false,
      lookup_key: feature.lookup_key,
    }));
  }

  /** Tells the customer's entitlements where they are no longer those told last. */
  function refresh(customer: string): void {
    const entitlements = list(customer);
    const keys = entitlements.map(({ lookup_key }) => lookup_key).sort();
    const before = state.entitlements.get(customer) ?? [];
    if (JSON.stringify(keys) === JSON.stringify(before)) return;
    state.entitlements.set(customer, keys);
    const summary = (
      data: Stripe.Entitlements.ActiveEntitlement[],
    ): Stripe.Entitlements.ActiveEntitlementSummary => ({
      object: "entitlements.active_entitlement_summary",
      customer,
      entitlements: { object: "list", data, has_more: false, url: "/v1/entitlements/active_entitlements" },
      livemode: false,
    });
    emit("entitlements.active_entitlement_summary.updated", summary(entitlements));
  }
}
