import { catalogueEndpoints } from "./api/catalogue.ts";
import { checkoutEndpoints } from "./api/checkout.ts";
import { customerEndpoints } from "./api/customers.ts";
import { entitlementEndpoints } from "./api/entitlements.ts";
import { eventEndpoints } from "./api/events.ts";
import { invoiceEndpoints } from "./api/invoices.ts";
import { pauseEndpoints } from "./api/pauses.ts";
import { paymentEndpoints } from "./api/payments.ts";
import { portalEndpoints } from "./api/portal.ts";
import { scheduleEndpoints } from "./api/schedules.ts";
import { createServeApi } from "./api/serve-api.ts";
import { subscriptionEndpoints } from "./api/subscriptions.ts";
import { createAgenda } from "./billing/agenda.ts";
import { createCheckout } from "./billing/checkout.ts";
import { createInvoices } from "./billing/invoices.ts";
import { createRenewals } from "./billing/renewals.ts";
import { createReversals } from "./billing/reversals.ts";
import { createSchedules } from "./billing/schedules.ts";
import { createSubscriptions } from "./billing/subscriptions.ts";
import { createUpdateSubscription } from "./billing/update-subscription.ts";
import { createClock } from "./clock.ts";
import { controlPath, createControl } from "./control.ts";
import { createCore } from "./core.ts";
import { createEntitlements } from "./entitlements.ts";
import { createFaults } from "./faults.ts";
import type { Answer, Asked } from "./http.ts";
import { createServePages } from "./pages/serve-pages.ts";
import type { State } from "./state.ts";
import { createDeliveries, type Endpoint } from "./webhooks/deliveries.ts";

/** Puts the stand-in together around its state. It answers requests, and is told when time has passed; it opens no port and no file. */
export function createStripe({
  url,
  state,
  webhook,
  thinWebhook,
  changed,
}: {
  url: string;
  state: State;
  webhook?: Endpoint | undefined;
  thinWebhook?: Endpoint | undefined;
  /** Told when something may have changed that is worth keeping. */
  changed: () => void;
}) {
  const clock = createClock(state);
  const endpoints = { ...(webhook && { snapshot: webhook }), ...(thinWebhook && { thin: thinWebhook }) };
  const deliveries = createDeliveries({ state, endpoints, changed });
  const core = createCore({ state, clock, url, deliver: deliveries.deliver });

  const entitlements = createEntitlements(core);
  const invoices = createInvoices(core);
  const subscriptions = createSubscriptions(core, invoices, entitlements);
  const updates = createUpdateSubscription(core, invoices, subscriptions);
  const renewals = createRenewals(core, invoices, subscriptions);
  const schedules = createSchedules(core, subscriptions, updates);
  const checkout = createCheckout(core, invoices, subscriptions);
  const reversals = createReversals(core);
  const { runUntil } = createAgenda(core, { renewals, schedules, checkout });

  const faults = createFaults();
  const api = createServeApi(
    core,
    [
      ...customerEndpoints(core, subscriptions),
      ...catalogueEndpoints(core),
      ...subscriptionEndpoints(core, subscriptions, updates, renewals),
      ...pauseEndpoints(core, subscriptions, renewals),
      ...scheduleEndpoints(core, schedules),
      ...checkoutEndpoints(core, checkout),
      ...portalEndpoints(core),
      ...invoiceEndpoints(core, invoices, subscriptions, updates),
      ...paymentEndpoints(core, reversals),
      ...entitlementEndpoints(core, entitlements),
      ...eventEndpoints(core),
    ],
    faults,
  );
  const servePages = createServePages(core, { checkout, subscriptions, updates, schedules });
  const control = createControl(core, { deliveries, reversals, faults, calls: api.calls, runUntil });
  deliveries.resume();

  return {
    async serve(asked: Asked): Promise<Answer> {
      try {
        if (asked.path.startsWith(`${controlPath}/`)) return await control(asked);
        if (/^\/v[12]\//.test(asked.path)) return await api.serve(asked);
        return servePages(asked);
      } finally {
        if (asked.method !== "GET") changed();
      }
    },
    /** Brings about what is due by now. */
    catchUp() {
      if (runUntil(clock.now())) changed();
    },
    stop: deliveries.stop,
  };
}
