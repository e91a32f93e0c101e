import type { Route } from "./route.ts";

/** Nobody of the matrix has bought anything: what is theirs is found by who calls, and never named. */
export const billingRoutes: Route[] = [
  { route: "GET /billing/plans", door: "anybody", told: "200" },
  { route: "GET /billing/current", door: "people", told: "200" },
  {
    route: "POST /billing/checkout",
    ...{ door: "people", told: "404 plan_not_sold" },
    prepare: () => ({ body: { plan: "free", interval: "month" } }),
  },
  {
    route: "POST /billing/portal",
    ...{ door: "people", told: "404 customer_not_found" },
    prepare: () => ({ body: {} }),
  },
  {
    route: "POST /billing/change",
    ...{ door: "people", told: "404 subscription_not_found" },
    prepare: () => ({ body: { plan: "pro", interval: "month" } }),
  },
  { route: "POST /billing/cancel", door: "people", told: "404 subscription_not_found" },
  { route: "POST /billing/resume", door: "people", told: "404 subscription_not_found" },
  { route: "GET /billing/invoices", door: "people", told: "404 customer_not_found" },
  { route: "POST /billing/sync", door: "people", told: "200" },
  {
    route: "POST /billing/reconcile",
    // Nothing is begun: others' tests would find their customers compared.
    ...{ door: "administrators+jobs", told: "400 invalid_request" },
    prepare: () => ({ query: "?nothing=1" }),
  },
  // Whoever calls is nobody without a signature.
  {
    route: "POST /stripe-webhook",
    ...{ door: "anybody", told: "400 signature_invalid" },
    prepare: () => ({ body: { object: "event" } }),
  },
];
