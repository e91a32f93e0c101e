// Writes the types of the database's public schema anew, from the migrations as they are now.
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { databaseTypesFile, makeDatabaseTypes } from "./database-types.ts";
import { projectRoot } from "./project.ts";
import { startStack } from "./stack.ts";

const stack = await startStack({
  directory: join(projectRoot, ".local", "types"),
  reset: true,
  environment: {},
});
try {
  writeFileSync(databaseTypesFile, await makeDatabaseTypes(stack.description.dbUrl));
  console.log(`Wrote ${relative(projectRoot, databaseTypesFile)}.`);
} finally {
  await stack.stop();
}
