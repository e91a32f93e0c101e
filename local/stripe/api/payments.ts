import { z } from "zod";
import type { createReversals } from "../billing/reversals.ts";
import type { Core } from "../core.ts";
import { invalid, missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { isWithin, metadata, range, text, whole } from "./parameters.ts";

const ofPayment = { payment_intent: text.optional(), charge: text.optional() };

/** Calls for payments, and for the money that goes back. */
export function paymentEndpoints({ state }: Core, reversals: ReturnType<typeof createReversals>): Endpoint[] {
  return [
    listEndpoint(
      "GET /v1/payment_intents",
      { customer: text.optional(), created: range.optional() },
      ({ customer, created }) =>
        [...state.paymentIntents.values()].filter(
          (intent) =>
            (customer === undefined || intent.customer === customer) && isWithin(intent.created, created),
        ),
    ),
    endpoint("GET /v1/payment_intents/:id", {}, (_, id = "") =>
      found(state.paymentIntents, "payment_intent", id),
    ),
    endpoint("GET /v1/charges/:id", {}, (_, id = "") => found(state.charges, "charge", id)),
    endpoint(
      "POST /v1/refunds",
      {
        ...ofPayment,
        amount: whole.optional(),
        reason: z.enum(["duplicate", "fraudulent", "requested_by_customer"]).optional(),
        metadata: metadata.optional(),
      },
      ({ payment_intent, charge, amount, reason = null, metadata = {} }) => {
        if (payment_intent === undefined && charge === undefined)
          throw invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
          );
        const intent =
          payment_intent === undefined
            ? undefined
            : found(state.paymentIntents, "payment_intent", payment_intent, "payment_intent");
        if (intent && intent.status !== "succeeded")
          throw invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
        const id = charge ?? String(intent?.latest_charge);
        return reversals.refund(found(state.charges, "charge", id, "charge"), { amount, reason, metadata });
      },
    ),
    listEndpoint("GET /v1/refunds", ofPayment, (asked) => [...state.refunds.values()].filter(matches(asked))),
    listEndpoint("GET /v1/disputes", ofPayment, (asked) =>
      [...state.disputes.values()].filter(matches(asked)),
    ),
    endpoint("GET /v1/disputes/:id", {}, (_, id = "") => found(state.disputes, "dispute", id)),
  ];
}

function found<Item>(items: Map<string, Item>, what: string, id: string, param = "id"): Item {
  const item = items.get(id);
  if (!item) throw missing(what, id, param);
  return item;
}

function matches(asked: { payment_intent?: string | undefined; charge?: string | undefined }) {
  return ({ payment_intent, charge }: { payment_intent: unknown; charge: unknown }) =>
    (asked.payment_intent === undefined || payment_intent === asked.payment_intent) &&
    (asked.charge === undefined || charge === asked.charge);
}
