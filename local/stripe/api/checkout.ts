import { z } from "zod";
import type { createCheckout } from "../billing/checkout.ts";
import type { Core } from "../core.ts";
import { invalid, missing } from "../refusal.ts";
import { idOf } from "../state.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { flag, list, metadata, text, whole } from "./parameters.ts";

/** Calls for checkout sessions. */
export function checkoutEndpoints(core: Core, checkout: ReturnType<typeof createCheckout>): Endpoint[] {
  const { state, clock } = core;
  return [
    endpoint(
      "POST /v1/checkout/sessions",
      {
        mode: z.enum(["payment", "subscription"]),
        line_items: list(z.strictObject({ price: text, quantity: whole.optional() })),
        success_url: text,
        cancel_url: text.optional(),
        customer: text.optional(),
        customer_email: text.optional(),
        client_reference_id: text.optional(),
        metadata: metadata.optional(),
        subscription_data: z
          .strictObject({ metadata: metadata.optional(), trial_period_days: whole.optional() })
          .optional(),
        payment_intent_data: z.strictObject({ metadata: metadata.optional() }).optional(),
        invoice_creation: z
          .strictObject({
            enabled: flag,
            invoice_data: z.strictObject({ metadata: metadata.optional() }).optional(),
          })
          .optional(),
        expires_at: whole.optional(),
        allow_promotion_codes: flag.optional(),
      },
      (wanted) => {
        const { mode, customer, expires_at, invoice_creation, subscription_data } = wanted;
        if (customer !== undefined) core.findCustomer(customer, "customer");
        requireForMode(mode, wanted);
        if (
          expires_at !== undefined &&
          (expires_at < clock.now() + 1800 || expires_at > clock.now() + 86_400)
        )
          throw invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            {
              param: "expires_at",
            },
          );
        const items = wanted.line_items.map(({ price: id, quantity = 1 }, index) => {
          const param = `line_items[${index}][price]`;
          const price = core.findPrice(id, param);
          if (!price.active)
            throw invalid("The price specified is inactive. This field only accepts active prices.", {
              param,
            });
          if (price.recurring && mode === "payment")
            throw invalid("You must use `subscription` mode to use recurring prices.", { param });
          return { price, quantity, name: state.products.get(idOf(price.product))?.name ?? id };
        });
        if (mode === "subscription" && !items.some(({ price }) => price.recurring))
          throw invalid("You must provide at least one recurring price in `subscription` mode.", {
            param: "line_items",
          });
        return checkout.open({
          mode,
          items,
          customer: customer ?? null,
          customerEmail: wanted.customer_email ?? null,
          successUrl: wanted.success_url,
          cancelUrl: wanted.cancel_url ?? null,
          clientReferenceId: wanted.client_reference_id ?? null,
          metadata: wanted.metadata ?? {},
          subscriptionData: {
            metadata: subscription_data?.metadata ?? {},
            trialDays: subscription_data?.trial_period_days ?? 0,
          },
          intentMetadata: wanted.payment_intent_data?.metadata ?? {},
          invoiceMetadata: invoice_creation?.enabled ? (invoice_creation.invoice_data?.metadata ?? {}) : null,
          allowPromotionCodes: wanted.allow_promotion_codes ?? null,
          expiresAt: expires_at ?? null,
        });
      },
    ),
    listEndpoint(
      "GET /v1/checkout/sessions",
      {
        customer: text.optional(),
        status: z.enum(["open", "complete", "expired"]).optional(),
        payment_intent: text.optional(),
        subscription: text.optional(),
      },
      ({ customer, status, payment_intent, subscription }) =>
        [...state.sessions.values()]
          .map(({ session }) => session)
          .filter(
            (session) =>
              (customer === undefined || session.customer === customer) &&
              (status === undefined || session.status === status) &&
              (payment_intent === undefined || session.payment_intent === payment_intent) &&
              (subscription === undefined || session.subscription === subscription),
          ),
    ),
    endpoint("GET /v1/checkout/sessions/:id", {}, (_, id = "") => find(id).session),
    listEndpoint("GET /v1/checkout/sessions/:id/line_items", {}, (_, id = "") =>
      find(id).lineItems.toReversed(),
    ),
    endpoint("POST /v1/checkout/sessions/:id/expire", {}, (_, id = "") => {
      const kept = find(id);
      checkout.expire(kept);
      return kept.session;
    }),
  ];

  function find(id: string) {
    const kept = state.sessions.get(id);
    if (!kept) throw missing("checkout.session", id);
    return kept;
  }
}

/** Some parameters are of one mode alone. */
function requireForMode(mode: string, wanted: object): void {
  const others = mode === "payment" ? ["subscription_data"] : ["payment_intent_data", "invoice_creation"];
  const wrong = others.find((name) => (wanted as Record<string, unknown>)[name] !== undefined);
  if (wrong !== undefined)
    throw invalid(`You can not pass \`${wrong}\` in \`${mode}\` mode.`, { param: wrong });
}
