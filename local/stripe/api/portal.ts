import type Stripe from "stripe";
import { z } from "zod";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { text } from "./parameters.ts";
import { findSubscription } from "./subscription-items.ts";

const flowData = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("payment_method_update") }),
  z.strictObject({
    type: z.literal("subscription_cancel"),
    subscription_cancel: z.strictObject({ subscription: text }),
  }),
]);

/** The call that opens the portal. */
export function portalEndpoints(core: Core): Endpoint[] {
  const { state, clock, url } = core;
  return [
    endpoint(
      "POST /v1/billing_portal/sessions",
      { customer: text, return_url: text.optional(), flow_data: flowData.optional() },
      ({ customer, return_url = null, flow_data }) => {
        core.findCustomer(customer, "customer");
        const canceled =
          flow_data?.type === "subscription_cancel" ? flow_data.subscription_cancel.subscription : null;
        if (canceled !== null)
          findSubscription(core, canceled, "flow_data[subscription_cancel][subscription]");
        const id = newId("bps");
        const session: Stripe.BillingPortal.Session = {
          id,
          object: "billing_portal.session",
          configuration: "bpc_local",
          created: clock.now(),
          customer,
          customer_account: null,
          flow: flow_data
            ? {
                after_completion: { hosted_confirmation: null, redirect: null, type: "portal_homepage" },
                customer_update: null,
                subscription_cancel: canceled === null ? null : { retention: null, subscription: canceled },
                subscription_pause: null,
                subscription_update: null,
                subscription_update_confirm: null,
                type: flow_data.type,
              }
            : null,
          livemode: false,
          locale: null,
          on_behalf_of: null,
          return_url,
          url: `${url}/portal/${id}`,
        };
        state.portalSessions.set(id, session);
        return session;
      },
    ),
  ];
}
