import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type Child, runToEnd, type StartChild, waitUntilReady } from "./child-process.ts";
import { applyPlatform } from "./platform.ts";
import { type PostgresServer, packagedPostgres } from "./postgres-server.ts";
import { type PostgresUser, postgresUser } from "./postgres-user.ts";

export interface PostgresOptions {
  /** The packaged one unless given. */
  server?: PostgresServer;
  /** Holds the data directory `postgres`, which is made when it is missing. */
  directory: string;
  port: number;
  /** Of every role that may log in. */
  password: string;
  logDirectory: string;
  start: StartChild;
}

// Recovery after a crash replays what was written since the last checkpoint.
const readyTimeoutMs = 60_000;
// Fast shutdown: sessions are ended, what is committed stays.
const stopSignal = "SIGINT";

/**
 * Starts Postgres on 127.0.0.1 and returns when it takes queries and has what Supabase's image has (`applyPlatform`). Durability is left
 * on.
 */
export async function startPostgres(options: PostgresOptions): Promise<Child> {
  const { server = packagedPostgres, directory, port, password, logDirectory, start } = options;
  const data = join(directory, "postgres");
  const program = server.findProgram("postgres");
  const user = postgresUser(program, directory);
  if (!existsSync(data)) await makeDataDirectory(data, server, user, options);

  const settings = {
    ...server.settings,
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = await start({
    name: "Postgres",
    ...user.run(program, ["-D", data, ...args]),
    env: {},
    logFile: join(logDirectory, "postgres.log"),
    stopSignal,
  });
  const sql = postgres(databaseUrl("supabase_admin", password, port), { max: 1, backoff: () => 0 });
  try {
    let isRefused = false;
    const probe = async () => {
      isRefused = await sql`select 1`.then(() => false, isWrongPassword);
    };
    await waitUntilReady(child, probe, readyTimeoutMs);
    if (isRefused)
      throw new Error(
        `${data} was made with another password than that in ${join(directory, "keys.json")}. ` +
          "Put that file back, or begin with an empty database: npm start -- --reset",
      );
    await applyPlatform(sql, password);
  } finally {
    await sql.end({ timeout: 1 });
  }
  return child;
}

/** The address of the stack's database for one of its roles. */
export function databaseUrl(role: string, password: string, port: number): string {
  return `postgresql://${role}:${password}@127.0.0.1:${port}/postgres`;
}

/** Makes the data directory under another name first: an interrupted start leaves none that looks complete. */
async function makeDataDirectory(
  data: string,
  server: PostgresServer,
  user: PostgresUser,
  options: PostgresOptions,
): Promise<void> {
  const draft = `${data}.new`;
  const passwordFile = `${data}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (user.id !== undefined) for (const path of [draft, passwordFile]) chownSync(path, user.id, user.id);
  const args = {
    pgdata: draft,
    username: "supabase_admin",
    pwfile: passwordFile,
    auth: "scram-sha-256",
    encoding: "UTF8",
    ...server.locale,
  };
  try {
    await runToEnd(options.start, {
      name: "initdb",
      ...user.run(
        server.findProgram("initdb"),
        Object.entries(args).map(([name, value]) => `--${name}=${value}`),
      ),
      env: {},
      logFile: join(options.logDirectory, "initdb.log"),
    });
  } finally {
    rmSync(passwordFile);
  }
  renameSync(draft, data);
}

/** Whether Postgres is up but refuses the password. Throws any other error again. */
function isWrongPassword(error: unknown): boolean {
  if (error instanceof postgres.PostgresError && error.code === "28P01") return true;
  throw error;
}
