import { existsSync } from "node:fs";
import { chromium, type Page } from "playwright-core";

const programs = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** What has to be installed, in words. */
export const browserPackage = "Chromium or Chrome (apt-get install chromium; or its path in CHROMIUM)";

/** The browser of this machine; undefined where none is installed. `.ci/run` installs one, so that under CI it throws instead. */
export function findBrowser(): string | undefined {
  const found = process.env.CHROMIUM || programs.find((path) => existsSync(path));
  if (found === undefined && process.env.CI) throw new Error("There is no Chromium: .ci/run installs it.");
  return found;
}

export interface OpenPage {
  page: Page;
  /** What the browser has complained of so far: errors of scripts, what the content security policy kept from being done, answers that failed. */
  problems: string[];
  close(): Promise<void>;
}

/** Opens an empty page in a browser of its own, in English and UTC. */
export async function openPage(executablePath: string): Promise<OpenPage> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      // Only our own pages are opened; and as root its sandbox does not start.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const page = await browser.newPage({ locale: "en-US", timezoneId: "UTC" });
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${message.location().url}: ${message.text()}`);
  });
  return { page, problems, close: () => browser.close() };
}
