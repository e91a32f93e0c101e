import type { ErrorRow } from "./error-row.ts";

/** What a caller can meet who buys, changes or cancels; and Stripe, who tells of it. */
export const billingErrors = {
  signature_invalid: {
    status: 400,
    type: "invalid_request_error",
    message: "The signature does not prove who sent this.",
  },
  payment_failed: {
    status: 402,
    type: "invalid_request_error",
    message:
      "The payment failed, and nothing was changed: choose another card in the portal, then try again.",
  },
  plan_not_sold: {
    status: 404,
    type: "not_found_error",
    message: "This cannot be bought: see what can in GET billing/plans.",
  },
  subscription_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no subscription: begin one with POST billing/checkout.",
  },
  customer_not_found: {
    status: 404,
    type: "not_found_error",
    message: "Nothing was bought yet: begin with POST billing/checkout.",
  },
  billing_busy: {
    status: 409,
    type: "invalid_request_error",
    message: "Something is being changed about this subscription already: wait and try again.",
    retryAfterSeconds: 2,
  },
  subscription_exists: {
    status: 409,
    type: "invalid_request_error",
    message: "There is a subscription already: change it with POST billing/change.",
  },
  subscription_managed: {
    status: 409,
    type: "invalid_request_error",
    message: "This subscription is changed by an agreement with the operator: ask them.",
  },
  plan_unchanged: {
    status: 409,
    type: "invalid_request_error",
    message: "This is the plan already: choose another one.",
  },
  reconciliation_running: {
    status: 409,
    type: "invalid_request_error",
    message: "Customers are being compared with Stripe already: wait until that is over.",
    retryAfterSeconds: 60,
  },
  billing_unavailable: {
    status: 503,
    type: "server_error",
    message: "The payment service is not available at the moment: wait and try again.",
    retryAfterSeconds: 5,
  },
} as const satisfies Record<string, ErrorRow>;
