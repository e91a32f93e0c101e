import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { signUp } from "../support/people.ts";
import { browserPackage, findBrowser, type OpenPage, openPage } from "./open-page.ts";

const browser = findBrowser();
const dayMs = 86_400_000;

if (!browser) process.stderr.write(`Skipped, the test in a browser: it needs ${browserPackage}.\n`);

describe.skipIf(!browser)("on the plan page", () => {
  /** Of its own: the stand-in's clock is moved. */
  let stack: Stack;
  let opened: OpenPage;
  let isBroken = false;

  beforeAll(async () => {
    const directory = join(projectRoot, ".local", "test-browser");
    stack = await startStack({ directory, reset: true, environment: {}, schedules: false });
    opened = await openPage(browser ?? "");
  });
  afterAll(async () => {
    await opened?.close();
    await stack?.stop();
  });
  beforeEach(({ skip }) => {
    skip(isBroken, "a step before it failed");
    onTestFailed(() => {
      isBroken = true;
    });
  });

  const onPage = (words: string | RegExp) => opened.page.getByText(words).first().waitFor();
  const click = (name: string) => opened.page.getByRole("button", { name, exact: true }).click();
  const follow = (name: string) => opened.page.getByRole("link", { name, exact: true }).click();
  const told = (words: string | RegExp) =>
    opened.page.getByRole("status").filter({ hasText: words }).waitFor();
  const inDialog = (words: string | RegExp) => opened.page.getByRole("dialog").getByText(words).waitFor();
  const readTerms = async () => (await opened.page.locator("#plan-terms").textContent()) ?? "";

  /** Tells the stand-in something about itself. */
  async function control(method: string, path: string, body?: object): Promise<void> {
    const url = `${stack.description.stripeUrl}/_stripe${path}`;
    const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(await response.text());
  }

  test("whoever signs in sees the plan they are on, and what is left", async () => {
    const { email, password } = await signUp(stack.description);
    await opened.page.goto(`${stack.description.apiUrl}/plans`);
    await opened.page.getByLabel("E-mail").fill(email);
    await opened.page.getByLabel("Password").fill(password);
    await click("Sign in");
    await onPage("10 of 10 requests left today");
    await onPage("$0.10 of $0.10 left this month");
    expect(await readTerms()).toBe("You have no subscription.");
  });

  test("whoever turns back from the checkout has bought nothing", async () => {
    await click("Choose Pro");
    await follow("Back");
    await told("The checkout was cancelled: nothing was bought.");
    await onPage("10 of 10 requests left today");
  });

  test("whose card is declined is told so, and buys nothing", async () => {
    await click("Choose Pro");
    await opened.page.getByLabel("Card").selectOption("Test card that is declined");
    await click("Subscribe");
    await opened.page.getByRole("alert").filter({ hasText: "Your card was declined." }).waitFor();
  });

  test("whoever has paid is on the new plan at once, before any webhook", async () => {
    await control("POST", "/delivery", { mode: "hold" });
    await opened.page.getByLabel("Card").selectOption("Test card that succeeds");
    await click("Subscribe");
    await told("You are on Pro.");
    await onPage("2,000 of 2,000 requests left today");
    await control("POST", "/delivery", { mode: "deliver" });
    await control("POST", "/deliver");
    await control("GET", "/deliveries?wait=settled");
    await opened.page.reload();
    await opened.page.getByRole("row", { name: /paid \$20\.00/ }).waitFor();
  });

  test("an upgrade says what is due, and nothing happens unless it is confirmed", async () => {
    const terms = await readTerms();
    await click("Upgrade to Enterprise");
    await inDialog("Unused time on Pro");
    await inDialog(/^Due now: \$(?:780|779)\.\d\d$/);
    await opened.page.keyboard.press("Escape");
    await opened.page.locator('main[aria-busy="false"]').waitFor();
    expect(await readTerms()).toBe(terms);
  });

  test("a downgrade says from when it counts, and can be undone", async () => {
    const [, day = ""] = /Renews on (.*)\.$/.exec(await readTerms()) ?? [];
    await click("Downgrade to Premium");
    await inDialog(`It counts from ${day} on. Until then you stay on Pro.`);
    await click("Confirm");
    await told(`Pro until ${day}, then Premium.`);
    await click("Keep Pro");
    await told(`You are on Pro. Renews on ${day}.`);
  });

  test("whoever cancels is asked first, and can undo it", async () => {
    await click("Cancel plan");
    await opened.page.getByRole("dialog").getByRole("button", { name: "Cancel plan" }).click();
    await told(/^Pro until .*, then Free\.$/);
    await click("Keep Pro");
    await told("You are on Pro.");
  });

  test("credits that were paid are there at once", async () => {
    await click("Buy $5.00 of credits for $5.00");
    await click("Pay");
    await told("You are on Pro and have $5.00 of credits.");
  });

  test("whoever cancels in the portal is told until when the plan stays, and is on the default plan after that", async () => {
    const [, day = ""] = /Renews on (.*)\.$/.exec(await readTerms()) ?? [];
    await click("Manage payment");
    // Both pages have such a button.
    await opened.page.waitForURL(/\/portal\//);
    await click("Cancel plan");
    await onPage("Ends");
    await follow("Back");
    await onPage(`Pro until ${day}, then Free.`);
    await onPage("2,000 of 2,000 requests left today");

    await control("POST", "/clock", { advanceTo: new Date(Date.parse(`${day} UTC`) + dayMs).toISOString() });
    await control("GET", "/deliveries?wait=settled");
    await opened.page.reload();
    await onPage("10 of 10 requests left today");
    expect(await opened.page.locator("#plan-name").textContent()).toBe("Free");
  });

  test("nothing on the way was an error to the browser", () => {
    const ofPage = opened.problems.filter((problem) => problem.startsWith(stack.description.apiUrl));
    // Whoever is back twice within two seconds is asked to wait, which the page does.
    expect(ofPage.filter((problem) => !/billing\/sync: .* 429 /.test(problem))).toEqual([]);
  });

  test("what the API refuses is told in its words", async () => {
    await click("Sign out");
    await opened.page.getByLabel("E-mail").fill("nobody@example.com");
    await opened.page.getByLabel("Password").fill("a password");
    await click("Sign in");
    await opened.page.getByRole("alert").filter({ hasText: "Invalid login credentials" }).waitFor();
  });
});
