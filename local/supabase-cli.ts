import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageFile, projectRoot } from "./project.ts";

export interface SupabaseCommand {
  command: string;
  args: string[];
  /** Its whole environment. */
  env: Record<string, string>;
}

const run = promisify(execFile);

/** How the packaged Supabase CLI is run against a database: on its own, without an account and without calling home. */
export function supabaseCommand(databaseUrl: string, args: string[]): SupabaseCommand {
  return {
    command: process.execPath,
    args: [
      packageFile("supabase", "dist", "supabase.js"),
      ...args,
      `--remote=${databaseUrl}?sslmode=disable`,
      // Its output is worded for people, whoever runs it.
      "--agent=no",
      `--workdir=${projectRoot}`,
    ],
    env: {
      // An account that is signed in on this machine plays no part.
      SUPABASE_HOME: join(projectRoot, ".local", "supabase-cli"),
      SUPABASE_TELEMETRY_DISABLED: "1",
      SUPABASE_NO_UPDATE_NOTIFIER: "1",
      SUPABASE_NO_KEYRING: "1",
    },
  };
}

/**
 * Runs the packaged Supabase CLI against a database and returns what it prints.
 * @throws Error with its messages when it fails
 */
export async function runSupabaseCli(databaseUrl: string, args: string[]): Promise<string> {
  const { command, args: all, env } = supabaseCommand(databaseUrl, args);
  const { stdout } = await run(command, all, { env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}
