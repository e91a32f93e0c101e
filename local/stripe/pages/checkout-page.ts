import type { createCheckout } from "../billing/checkout.ts";
import { formatAmount } from "../billing/invoice-lines.ts";
import type { Answer } from "../http.ts";
import type { CheckoutSession } from "../state.ts";
import { authenticationForm, cardSelect, declinedNote, readCard } from "./card.ts";
import { type Html, html, page, seeOther } from "./html.ts";

/** The page of a checkout: what is bought, and its payment. `form` is what was posted. */
export function serveCheckoutPage(
  kept: CheckoutSession,
  form: URLSearchParams | null,
  checkout: ReturnType<typeof createCheckout>,
): Answer {
  const { session } = kept;
  if (session.status === "complete")
    return page(
      "You have paid already",
      html`<p>There is nothing more to do here.</p>${linkTo(successUrl(kept), "Continue")}`,
    );
  if (session.status !== "open")
    return page(
      "This checkout has expired",
      html`<p>Nothing was bought.</p>${linkTo(session.cancel_url, "Back")}`,
      410,
    );
  if (!form) return showForm(kept, html``);
  const { isRefused, ...use } = readCard(form);
  const outcome = isRefused ? "declined" : checkout.complete(kept, use);
  if (outcome === "succeeded") return seeOther(successUrl(kept));
  if (outcome === "requires_action") return page("Confirm your payment", authenticationForm(use.card));
  return showForm(kept, declinedNote(isRefused), 402);
}

function showForm(
  { session, lineItems, subscriptionData }: CheckoutSession,
  note: Html,
  status = 200,
): Answer {
  const currency = session.currency ?? "usd";
  const verb = session.mode === "subscription" ? "Subscribe" : "Pay";
  const rows = lineItems.map(({ description, quantity, amount_total, price }) => {
    const every = price?.recurring ? ` every ${price.recurring.interval}` : "";
    return html`<tr><td>${description}${quantity === 1 ? "" : ` × ${quantity}`}</td><td>${formatAmount(amount_total, currency)}${every}</td></tr>`;
  });
  const { trialDays } = subscriptionData;
  const due = trialDays > 0 ? 0 : (session.amount_total ?? 0);
  return page(
    verb === "Subscribe" ? "Subscribe" : "Payment",
    html`${note}
<table>
<tbody>${rows}</tbody>
<tfoot><tr><td>Due today</td><td>${formatAmount(due, currency)}</td></tr></tfoot>
</table>
${trialDays > 0 ? html`<p>The first ${trialDays} days are free.</p>` : null}
<form method="post">
${cardSelect("succeeds")}
<button>${verb}</button>
</form>
${linkTo(session.cancel_url, "Back")}`,
    status,
  );
}

function successUrl({ session }: CheckoutSession): string {
  return (session.success_url ?? "").replaceAll("{CHECKOUT_SESSION_ID}", session.id);
}

function linkTo(url: string | null, words: string): Html {
  return url === null ? html`` : html`<p><a href="${url}">${words}</a></p>`;
}
