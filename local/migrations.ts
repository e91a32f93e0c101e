import { join } from "node:path";
import { runToEnd, type StartChild } from "./child-process.ts";
import { supabaseCommand } from "./supabase-cli.ts";

/**
 * Applies the migrations, and the seeds that were not yet applied, with the Supabase CLI: each migration whole or not at all.
 * Throws with the CLI's message when one fails.
 */
export async function applyMigrations(options: {
  databaseUrl: string;
  logDirectory: string;
  start: StartChild;
}): Promise<void> {
  const { databaseUrl, logDirectory, start } = options;
  await runToEnd(start, {
    name: "supabase db push",
    ...supabaseCommand(databaseUrl, ["db", "push", "--include-seed", "--yes"]),
    logFile: join(logDirectory, "migrations.log"),
  });
}
