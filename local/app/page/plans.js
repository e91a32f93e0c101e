// @ts-check
import { ApiError, createApi } from "./api.js";
import { createBilling } from "./billing.js";
import { showCurrentPlan } from "./current-plan.js";
import { element, find } from "./elements.js";
import { formatNano } from "./format.js";
import { showPlanCards } from "./plan-cards.js";
import { describeFuture } from "./plan-words.js";
import { showComparison, showCredits, showInvoices } from "./purchases.js";
import { createQuestion, showPreview } from "./question.js";

/** @import { Billing, OfferedPlan, PlanOverview } from "../../../shared/billing/billing-view.ts" */
/** @import { Invoice } from "../../../shared/billing/invoices.ts" */
/** @import { AccountLimits, Balance } from "../../../shared/metering/accounts.ts" */
/** @import { Interval } from "./plan-words.js" */

const publishableKey = document.querySelector('meta[name="publishable-key"]')?.getAttribute("content") ?? "";
const api = createApi({ apiUrl: location.origin, publishableKey, storage: sessionStorage });
const shop = createBilling(api, { storage: sessionStorage, open: (url) => location.assign(url) });
const ask = createQuestion();
const main = find("main", HTMLElement);

/** @type {PlanOverview} */
let offered = { plans: [], comparison: [], credits: [] };
/** @type {{ billing: Billing, limits: AccountLimits["limits"], balance: Balance } | null} null while nobody is signed in */
let account = null;
/** @type {Interval} */
let interval = "month";

find("sign-in-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  act(signIn);
});
find("sign-out", HTMLButtonElement).addEventListener("click", () => act(signOut));
find("interval", HTMLFieldSetElement).addEventListener("change", ({ target }) => {
  if (target instanceof HTMLInputElement) interval = target.value === "year" ? "year" : "month";
  show();
});
// A page that the browser has kept while Stripe's was open shows what was then.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
act(begin);

/**
 * Does one thing at a time, and says what stands in its way.
 * @param {() => Promise<void>} work
 */
async function act(work) {
  if (main.getAttribute("aria-busy") === "true") return;
  main.setAttribute("aria-busy", "true");
  for (const id of ["notice", "problem"]) find(id, HTMLParagraphElement).textContent = "";
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error);
    if (api.signedInAs() === null) account = null;
    show();
    say("problem", error instanceof ApiError ? error.message : "Something went wrong: load the page again.");
  } finally {
    main.setAttribute("aria-busy", "false");
  }
}

/** @param {"notice" | "problem"} id @param {string} words */
function say(id, words) {
  const place = find(id, HTMLParagraphElement);
  place.textContent = words;
  place.focus();
}

async function begin() {
  offered = await shop.readPlans();
  show();
  if (api.signedInAs() !== null) await enter();
}

async function signIn() {
  const [email, password] = ["sign-in-email", "sign-in-password"].map((id) => find(id, HTMLInputElement));
  await api.signIn(email?.value ?? "", password?.value ?? "");
  find("sign-in-form", HTMLFormElement).reset();
  await enter();
}

async function signOut() {
  await api.signOut();
  account = null;
  show();
}

/** Shows the account of who is signed in; who comes back from a checkout is told what became of it. */
async function enter() {
  const outcome = new URLSearchParams(location.search).get("checkout");
  const billing = await shop.read(outcome);
  // So that it is told once.
  history.replaceState(null, "", location.pathname);
  await showAccount(billing);
  const { leftNano = 0 } = account?.balance.credits ?? {};
  const credits = leftNano > 0 ? ` and have ${formatNano(leftNano)} of credits` : "";
  if (outcome === "success") say("notice", `Thank you. You are on ${billing.plan.name}${credits}.`);
  if (outcome === "cancelled") say("notice", "The checkout was cancelled: nothing was bought.");
}

/** @param {Billing} billing */
async function showAccount(billing) {
  const [{ limits }, balance] = await Promise.all([shop.readLimits(), shop.readBalance()]);
  account = { billing, limits, balance };
  show();
  await addInvoices([], null);
}

/** Shows everything but the invoices, from what is known. */
function show() {
  const { plans, credits } = offered;
  const email = api.signedInAs();
  find("sign-in", HTMLElement).hidden = email !== null;
  find("signed-in", HTMLElement).hidden = email === null;
  find("email", HTMLElement).textContent = email;
  for (const id of ["current", "credits"]) find(id, HTMLElement).hidden = account === null;
  for (const id of ["choice", "comparison"]) find(id, HTMLElement).hidden = plans.length === 0;
  if (account === null) find("invoices", HTMLElement).hidden = true;
  const billing = account?.billing ?? null;
  const actions = {
    choose: (/** @type {OfferedPlan} */ { id }) => act(() => shop.buy({ plan: id, interval })),
    change: (/** @type {OfferedPlan} */ plan) => act(() => change(plan)),
  };
  fill("cards", showPlanCards({ plans, interval, billing }, actions));
  fill("comparison-content", [showComparison(offered)]);
  if (account === null) return;
  fill(
    "current-content",
    showCurrentPlan(
      { ...account, plans },
      {
        cancel: () => act(cancel),
        keep: () => act(keep),
        openPortal: () => act(shop.openPortal),
      },
    ),
  );
  const { leftNano } = account.balance.credits;
  fill(
    "credits-content",
    showCredits({ leftNano, credits }, (creditNano) => act(() => shop.buy({ creditNano }))),
  );
}

/** @param {string} id @param {Node[]} content */
function fill(id, content) {
  find(id, HTMLElement).replaceChildren(...content);
}

/** @param {Invoice[]} before @param {string | null} cursor */
async function addInvoices(before, cursor) {
  const isCustomer = account?.billing.isCustomer === true;
  const { invoices, nextCursor } = isCustomer
    ? await shop.listInvoices(cursor)
    : { invoices: [], nextCursor: null };
  const all = [...before, ...invoices];
  find("invoices", HTMLElement).hidden = all.length === 0;
  const readMore = nextCursor === null ? null : () => act(() => addInvoices(all, nextCursor));
  fill("invoices-content", showInvoices(all, readMore));
}

/** @param {OfferedPlan} plan */
async function change(plan) {
  const wanted = { plan: plan.id, interval };
  const preview = await shop.previewChange(wanted);
  const heading = `${preview.isUpgrade ? "Upgrade" : "Downgrade"} to ${plan.name}`;
  const content = showPreview(preview, account?.billing.plan.name ?? "");
  if (!(await ask({ heading, content, yes: "Confirm" }))) return;
  await showAccount(await shop.change(wanted, preview));
  tell();
}

async function cancel() {
  const subscription = account?.billing.subscription;
  const isPaid = subscription?.status === "active" || subscription?.status === "trialing";
  const words = isPaid
    ? "It stays until the end of what is paid."
    : "It ends at once, because it is not paid.";
  const content = [element("p", {}, words)];
  if (!(await ask({ heading: `Cancel ${account?.billing.plan.name}`, content, yes: "Cancel plan" }))) return;
  await showAccount(await shop.cancel());
  tell();
}

async function keep() {
  await showAccount(await shop.resume());
  tell();
}

/** Says what an action has come to. */
function tell() {
  if (account === null) return;
  const { billing } = account;
  const future = describeFuture(billing, offered.plans);
  const sentences = billing.nextPlan === null ? [`You are on ${billing.plan.name}.`, ...future] : future;
  say("notice", sentences.join(" "));
}
