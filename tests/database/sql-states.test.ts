import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { sqlStates } from "../../shared/database/sql-states.ts";

test("every SQLSTATE of the migrations is told as an error, and there are no others", () => {
  const folder = join(projectRoot, "supabase", "migrations");
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  const raised = texts.flatMap((text) => text.match(/'SL\w{3}'/g) ?? []).map((quoted) => quoted.slice(1, -1));
  expect([...new Set(raised)].sort()).toEqual([...sqlStates].sort());
});
