import type { createCheckout } from "../billing/checkout.ts";
import type { createSchedules } from "../billing/schedules.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { createUpdateSubscription } from "../billing/update-subscription.ts";
import type { Core } from "../core.ts";
import type { Answer, Asked } from "../http.ts";
import { Refusal } from "../refusal.ts";
import { serveCheckoutPage } from "./checkout-page.ts";
import { html, page } from "./html.ts";
import { serveInvoicePage } from "./invoice-page.ts";
import { servePortalPage } from "./portal-page.ts";

/** Serves the pages that a person clicks through; null where the path is none of a page. */
export function createServePages(
  core: Core,
  parts: {
    checkout: ReturnType<typeof createCheckout>;
    subscriptions: Subscriptions;
    updates: ReturnType<typeof createUpdateSubscription>;
    schedules: ReturnType<typeof createSchedules>;
  },
) {
  const { state } = core;
  return function servePages(asked: Asked): Answer {
    try {
      return serve(asked);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return page("That is not possible", html`<p role="alert">${error.message}</p>`, error.status);
    }
  };

  function serve({ method, path, body }: Asked): Answer {
    const [, kind = "", id = ""] = /^\/(checkout|portal|invoice)\/([^/]+)$/.exec(path) ?? [];
    const form = method === "POST" ? new URLSearchParams(body) : null;
    const session = kind === "checkout" && state.sessions.get(id);
    if (session) return serveCheckoutPage(session, form, parts.checkout);
    const portal = kind === "portal" && state.portalSessions.get(id);
    if (portal) return servePortalPage(core, portal, form, parts);
    const invoice = kind === "invoice" && state.invoices.get(id);
    if (invoice) return serveInvoicePage(core, invoice, form, parts.subscriptions);
    return page("Nothing here", html`<p>There is no page at this address.</p>`, 404);
  }
}
