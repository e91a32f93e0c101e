// @ts-check

/**
 * Makes an element. Texts become text and never markup, whoever has written them.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Makes a button that does something.
 * @param {string} words
 * @param {() => void} onClick
 * @param {{ quiet?: boolean }} [options]
 */
export function button(words, onClick, { quiet = false } = {}) {
  const made = element("button", { type: "button", ...(quiet ? { class: "quiet" } : {}) }, words);
  made.addEventListener("click", onClick);
  return made;
}

/**
 * Makes a table that can be scrolled, also with the keyboard, where it is wider than the page.
 * @param {string} label
 * @param {string[]} columns
 * @param {(string | Node)[][]} rows the first cell of each is its heading
 */
export function table(label, columns, rows) {
  const head = columns.map((words) => element("th", { scope: "col" }, words));
  const body = rows.map(([first = "", ...others]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, first),
      ...others.map((cell) => element("td", {}, cell)),
    ),
  );
  return element(
    "div",
    { class: "scroll", role: "region", tabindex: "0", "aria-label": label },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)),
  );
}

/**
 * The element of the page that has this id.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 */
export function find(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`There is no ${kind.name} #${id}.`);
}
