import type Stripe from "stripe";
import type { KeptEvent } from "../state.ts";

/** The event as an endpoint for snapshots and the API get it: how many endpoints still wait for it is told anew each time. */
export function snapshotOf({ event, deliveries }: KeptEvent): Stripe.Event {
  const endpoints = new Set(deliveries.map(({ endpoint }) => endpoint));
  for (const { endpoint, state } of deliveries) if (state === "delivered") endpoints.delete(endpoint);
  return { ...event, pending_webhooks: endpoints.size };
}

const thinPrefix = "evt_test_";

/** The id of the event as `v2/core/events` knows it. */
export function thinIdOf(snapshotId: string): string {
  return thinPrefix + snapshotId.slice("evt_".length);
}

/** The other way round. */
export function snapshotIdOf(thinId: string): string {
  return `evt_${thinId.slice(thinPrefix.length)}`;
}

const paths: Record<string, string> = {
  "checkout.session": "checkout/sessions",
  customer: "customers",
  subscription: "subscriptions",
  subscription_schedule: "subscription_schedules",
  invoice: "invoices",
  payment_intent: "payment_intents",
  charge: "charges",
  dispute: "disputes",
};

/** The event without its data, as an endpoint for thin events gets it: what it is about must be fetched. */
export function thinOf({ event }: KeptEvent): object {
  const { id, object } = event.data.object as { id?: string; object: string };
  const path = paths[object];
  return {
    id: thinIdOf(event.id),
    object: "v2.core.event",
    created: new Date(event.created * 1000).toISOString(),
    livemode: event.livemode,
    ...(event.account !== undefined && { context: event.account }),
    reason:
      event.request === null
        ? null
        : {
            type: "request",
            request: { id: event.request.id, idempotency_key: event.request.idempotency_key },
          },
    related_object:
      id === undefined || path === undefined ? null : { id, type: object, url: `/v1/${path}/${id}` },
    snapshot_event: event.id,
    type: `v1.${event.type}`,
  };
}
