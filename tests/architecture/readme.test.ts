import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { functionSettings } from "../../local/settings.ts";
import { errorTable } from "../../shared/domain/error-table.ts";
import { root } from "./list-files.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");

/** The cells of the table under the heading that begins so. */
function readTable(heading: string): string[][] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => /^\| `/.test(line));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

test("the README names every error a caller can meet, with its status", () => {
  const told = readTable("Errors").map(([code, status]) => [code, Number(status)]);
  const thrown = Object.entries(errorTable).map(([code, { status }]) => [code, status]);
  expect(told.toSorted()).toEqual(thrown.toSorted());
});

test("the README names every setting that functions have", () => {
  const told = readTable("Deploying").map(([name]) => name);
  expect(told).toEqual(expect.arrayContaining([...functionSettings]));
});
