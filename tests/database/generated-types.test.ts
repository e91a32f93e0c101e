import { readFileSync } from "node:fs";
import { expect, inject, test } from "vitest";
import { databaseTypesFile, makeDatabaseTypes } from "../../local/database-types.ts";

test("the types in the tree are those of the migrations: where not, run `npm run types`", async () => {
  expect(await makeDatabaseTypes(inject("stack").dbUrl)).toBe(readFileSync(databaseTypesFile, "utf8"));
});
