import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { codeOfSqlState, sqlStates } from "../../../shared/database/sql-states.ts";
import { errorTable } from "../../../shared/domain/error-table.ts";

test("every SQLSTATE that the migrations answer or raise has an error, and no other has one", () => {
  const folder = join(projectRoot, "supabase", "migrations");
  const sql = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const used = sql.flatMap((text) => [...text.matchAll(/'(SL[0-9A-Z]{3})'/g)].map(([, state]) => state));
  expect(used).not.toEqual([]);
  expect([...new Set(used)].sort()).toEqual([...sqlStates].sort());
});

test("each of them leads to an error that exists", () => {
  for (const state of sqlStates) expect(errorTable).toHaveProperty(String(codeOfSqlState(state)));
});

test.each(["23505", "57014", "PGRST301", "", "toString", "constructor"])("%j is none of ours", (state) => {
  expect(codeOfSqlState(state)).toBeUndefined();
});
