import type Stripe from "stripe";
import { formatAmount } from "../billing/invoice-lines.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { Core } from "../core.ts";
import type { Answer } from "../http.ts";
import { idOf } from "../state.ts";
import { authenticationForm, cardSelect, declinedNote, readCard } from "./card.ts";
import { type Html, html, page, seeOther } from "./html.ts";

/** The page of an invoice: what it is for, and its payment. The card that pays becomes the customer's. */
export function serveInvoicePage(
  core: Core,
  invoice: Stripe.Invoice,
  form: URLSearchParams | null,
  subscriptions: Subscriptions,
): Answer {
  const customer = idOf(invoice.customer ?? "");
  if (!form || invoice.status !== "open") return show(html``);
  const { isRefused, ...use } = readCard(form);
  if (isRefused) return show(declinedNote(isRefused), 402);
  const outcome = subscriptions.pay(invoice, use);
  if (outcome === "requires_action") return page("Confirm your payment", authenticationForm(use.card));
  if (outcome === "declined") return show(declinedNote(isRefused), 402);
  core.state.cards.set(customer, use.card);
  return seeOther(`/invoice/${invoice.id}`);

  function show(note: Html, status = 200): Answer {
    const rows = invoice.lines.data.map(
      ({ description, amount, currency }) =>
        html`<tr><td>${description}</td><td>${formatAmount(amount, currency)}</td></tr>`,
    );
    const payment =
      invoice.status === "open"
        ? html`<form method="post">${cardSelect(core.cardOf(customer))}<button>Pay</button></form>`
        : html`<p role="status">This invoice is ${invoice.status}.</p>`;
    return page(
      `Invoice ${invoice.number ?? ""}`,
      html`${note}
<table>
<tbody>${rows}</tbody>
<tfoot><tr><td>Due</td><td>${formatAmount(invoice.amount_due, invoice.currency)}</td></tr></tfoot>
</table>
${payment}`,
      status,
    );
  }
}
