import type Stripe from "stripe";
import { formatAmount } from "../billing/invoice-lines.ts";
import type { createSchedules } from "../billing/schedules.ts";
import { periodEndOf } from "../billing/subscription-object.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { createUpdateSubscription } from "../billing/update-subscription.ts";
import type { Core } from "../core.ts";
import type { Answer } from "../http.ts";
import { cardSelect, readCard } from "./card.ts";
import { type Html, html, page, seeOther } from "./html.ts";

/** The page on which a customer looks after plan, card and invoices. */
export function servePortalPage(
  core: Core,
  session: Stripe.BillingPortal.Session,
  form: URLSearchParams | null,
  parts: {
    subscriptions: Subscriptions;
    updates: ReturnType<typeof createUpdateSubscription>;
    schedules: ReturnType<typeof createSchedules>;
  },
): Answer {
  const { state } = core;
  const { customer } = session;
  if (form) {
    act(form);
    return seeOther(`/portal/${session.id}`);
  }
  const subscriptions = [...state.subscriptions.values()].filter(
    (each) => each.customer === customer && !each.ended_at,
  );
  const invoices = [...state.invoices.values()].filter(
    (each) => each.customer === customer && each.status === "open",
  );
  return page(
    "Your plan",
    html`${subscriptions.length === 0 ? html`<p>You have no plan.</p>` : subscriptions.map(showSubscription)}
<h2>Card</h2>
<form method="post">
${cardSelect(core.cardOf(customer))}
<button name="action" value="card">Save card</button>
</form>
${invoices.length === 0 ? null : html`<h2>Open invoices</h2>`}
${invoices.map(showInvoice)}
${session.return_url === null ? null : html`<p><a href="${session.return_url}">Back</a></p>`}`,
  );

  function act(posted: URLSearchParams): void {
    if (posted.get("action") === "card") {
      state.cards.set(customer, readCard(posted).card);
      return;
    }
    const subscription = state.subscriptions.get(posted.get("subscription") ?? "");
    if (subscription?.customer !== customer || subscription.ended_at) return;
    const schedule = state.schedules.get((subscription.schedule as string | null) ?? "");
    // A change that was planned has nothing left to apply to.
    if (schedule) parts.schedules.release(schedule);
    parts.updates.scheduleEnd(subscription, posted.get("action") === "cancel" ? "period_end" : null);
  }

  function showSubscription(subscription: Stripe.Subscription): Html {
    const { id, status, cancel_at, items } = subscription;
    const names = items.data.map(({ price, quantity = 1 }) => {
      const every = `${formatAmount((price.unit_amount ?? 0) * quantity, price.currency)} every ${price.recurring?.interval}`;
      return html`<tr><th scope="row">${parts.subscriptions.nameOf(price)}</th><td>${every}</td></tr>`;
    });
    const [action, words] = cancel_at === null ? ["cancel", "Cancel plan"] : ["keep", "Don’t cancel plan"];
    return html`<table><tbody>
${names}
<tr><th scope="row">Status</th><td>${status}</td></tr>
<tr><th scope="row">${cancel_at === null ? "Renews" : "Ends"}</th><td>${formatDay(cancel_at ?? periodEndOf(subscription))}</td></tr>
</tbody></table>
<form method="post">
<input type="hidden" name="subscription" value="${id}">
<button class="quiet" name="action" value="${action}">${words}</button>
</form>`;
  }
}

function showInvoice({ id, number, amount_due, currency }: Stripe.Invoice): Html {
  return html`<p>Invoice ${number}, ${formatAmount(amount_due, currency)} <a href="/invoice/${id}">Pay</a></p>`;
}

function formatDay(instant: number): string {
  return new Date(instant * 1000).toLocaleDateString("en-US", { dateStyle: "long", timeZone: "UTC" });
}
