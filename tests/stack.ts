import { constants } from "node:os";
import type { TestProject } from "vitest/node";
import { type Stack, startStack } from "../local/stack.ts";
import type { StackDescription } from "../local/stack-description.ts";
import { isKnown, listLeaks } from "./canaries/known-findings.ts";
import { searchDatabase, searchFolder } from "./canaries/search-run.ts";
import { createSecretSearch } from "./canaries/secret-search.ts";
import { openDatabase } from "./support/open-database.ts";
import { readMarks } from "./support/secrets.ts";
import { testDirectory, testLogs } from "./support/test-directory.ts";

declare module "vitest" {
  interface ProvidedContext {
    stack: StackDescription;
  }
}

let stack: Stack | undefined;

/** Starts an empty stack that all tests of the run share. */
export async function setup(project: TestProject): Promise<void> {
  // What this process has started ends with it when it exits, but not when a signal kills it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  stack = await startStack({
    directory: testDirectory,
    reset: true,
    // Not the developer's environment or .env: tests call the simulator, never a provider that costs money.
    environment: {},
    // Tests decide when jobs run; and what holds without jobs is tested without them.
    schedules: false,
  });
  await reportDeadlocks(stack.description);
  project.provide("stack", stack.description);
}

/** Otherwise a lock times out before its deadlock is found, and who asks again goes through. */
async function reportDeadlocks({ dbUrl }: StackDescription): Promise<void> {
  const sql = openDatabase(superuserUrl(dbUrl), { max: 1 });
  await sql`alter system set deadlock_timeout = '100ms'`;
  await sql`select pg_reload_conf()`;
  await sql.end({ timeout: 5 });
}

const superuserUrl = (dbUrl: string) => dbUrl.replace("//postgres:", "//supabase_admin:");

/** Stops the stack, and throws where the run has left a secret in the database or in a log. */
export async function teardown(): Promise<void> {
  if (!stack) return;
  const beginSearch = createSecretSearch(await readMarks(testDirectory));
  const inTables = await searchDatabase(superuserUrl(stack.description.dbUrl), beginSearch).finally(
    stack.stop,
  );
  // After that: functions may write until they end.
  const findings = [...inTables, ...(await searchFolder(testLogs, beginSearch))];
  const leaks = listLeaks(findings);
  if (leaks.length > 0) throw new Error(["The run has left secrets:", ...leaks].join("\n  "));
  if (!findings.some(isKnown))
    throw new Error("The secret in Vault was not found: the search does not work.");
}
