import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Child } from "../../local/child-process.ts";
import { beginLifetime } from "../../local/lifetime.ts";
import { applyMigrations } from "../../local/migrations.ts";
import { freePort } from "../../local/ports.ts";
import { databaseUrl, startPostgres } from "../../local/postgres.ts";
import { type PostgresServer, packagedPostgres } from "../../local/postgres-server.ts";
import { claimDirectory } from "../../local/process-record.ts";
import { projectRoot } from "../../local/project.ts";

export interface TestDatabase {
  /** Its address for a role. */
  urlFor(role: string): string;
  /** Stops the server and starts it again, with its data; what is given is done while it is away. */
  restart(whileAway?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  server?: PostgresServer;
  /** Whether it gets our migrations and seeds; without them it is as Supabase hands it over. */
  migrate: boolean;
}

/** Starts an empty database beside the stack, in `.local/<name>`. Throws, with nothing left running, when it does not start. */
export async function startDatabase(name: string, options: DatabaseOptions): Promise<TestDatabase> {
  const { server = packagedPostgres, migrate } = options;
  const directory = join(projectRoot, ".local", name);
  const logDirectory = join(directory, "logs");
  const { start, end } = beginLifetime(await claimDirectory(directory));
  rmSync(join(directory, "postgres"), { recursive: true, force: true });
  rmSync(logDirectory, { recursive: true, force: true });
  mkdirSync(logDirectory, { recursive: true });
  const [port, password] = [await freePort(), "password"];
  const urlFor = (role: string) => databaseUrl(role, password, port);
  const startServer = () => startPostgres({ server, directory, port, password, logDirectory, start });
  let running: Child;
  try {
    running = await startServer();
    if (migrate) await applyMigrations({ databaseUrl: urlFor("postgres"), logDirectory, start });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    urlFor,
    async restart(whileAway) {
      await running.stop();
      await whileAway?.();
      running = await startServer();
    },
    stop: end,
  };
}
