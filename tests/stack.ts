import { constants } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { projectRoot } from "../local/project.ts";
import { type Stack, startStack } from "../local/stack.ts";
import type { StackDescription } from "../local/stack-description.ts";
import { openDatabase } from "./support/open-database.ts";

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
    directory: join(projectRoot, ".local", "test"),
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
  const sql = openDatabase(dbUrl.replace("//postgres:", "//supabase_admin:"), { max: 1 });
  await sql`alter system set deadlock_timeout = '100ms'`;
  await sql`select pg_reload_conf()`;
  await sql.end({ timeout: 5 });
}

export async function teardown(): Promise<void> {
  await stack?.stop();
}
