import { type Card, cards } from "../state.ts";
import { type Html, html } from "./html.ts";

const words: [card: Card, words: string][] = [
  ["succeeds", "Test card that succeeds"],
  ["declines", "Test card that is declined"],
  ["requires_action", "Test card that asks for authentication"],
];

/** The choice of a card. */
export function cardSelect(chosen: Card): Html {
  const options = words.map(([card, text]) =>
    card === chosen
      ? html`<option value="${card}" selected>${text}</option>`
      : html`<option value="${card}">${text}</option>`,
  );
  return html`<label for="card">Card</label>
<select id="card" name="card">${options}</select>`;
}

/** What the card's bank asks before a payment, as a form that comes back with `authenticated`. */
export function authenticationForm(card: Card): Html {
  return html`<p>Your bank asks whether this payment is yours.</p>
<form method="post">
<input type="hidden" name="card" value="${card}">
<button name="authenticated" value="yes">Confirm the payment</button>
<button class="quiet" name="authenticated" value="no">It is not mine</button>
</form>`;
}

/** The card that a form has chosen, and what the person has told the bank, if they were asked. */
export function readCard(form: URLSearchParams): { card: Card; authenticated: boolean; isRefused: boolean } {
  const card = cards.find((each) => each === form.get("card")) ?? "succeeds";
  const answer = form.get("authenticated");
  return { card, authenticated: answer === "yes", isRefused: answer === "no" };
}

/** Why a payment did not succeed. */
export function declinedNote(isRefused: boolean): Html {
  return isRefused
    ? html`<p role="alert">Your bank could not confirm the payment. Choose another card, or try again.</p>`
    : html`<p role="alert">Your card was declined. Choose another one, or try again.</p>`;
}
