// @ts-check
import { element, find, table } from "./elements.js";
import { formatAmount, formatDay } from "./format.js";

/** @import { ChangePreview } from "../../../shared/billing/plan-preview.ts" */

/**
 * Makes what asks before something is done, and resolves to whether it shall be.
 * @returns {(question: { heading: string, content: Node[], yes: string }) => Promise<boolean>}
 */
export function createQuestion() {
  const dialog = find("question", HTMLDialogElement);
  const yesButton = find("question-yes", HTMLButtonElement);
  yesButton.addEventListener("click", () => dialog.close("yes"));
  find("question-no", HTMLButtonElement).addEventListener("click", () => dialog.close("no"));
  return ({ heading, content, yes }) => {
    find("question-heading", HTMLHeadingElement).textContent = heading;
    find("question-content", HTMLDivElement).replaceChildren(...content);
    yesButton.textContent = yes;
    // Escape closes it without an answer: the one from before must not be taken for it.
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  };
}

/**
 * What a change would do: what is due and why, or from when it counts.
 * @param {ChangePreview} preview
 * @param {string} currentName of the plan that is left
 */
export function showPreview({ isUpgrade, effectiveAt, amountDue, currency, lines }, currentName) {
  if (!isUpgrade)
    return [
      element(
        "p",
        {},
        `It counts from ${formatDay(effectiveAt ?? "")} on. Until then you stay on ${currentName}.`,
      ),
      element("p", {}, "Nothing is due now."),
    ];
  const rows = lines.map(({ description, amount }) => [description ?? "", formatAmount(amount, currency)]);
  return [
    element("p", {}, "It counts at once."),
    table("What is due", ["What", "Amount"], rows),
    element("p", {}, "Due now: ", element("strong", {}, formatAmount(amountDue, currency))),
  ];
}
