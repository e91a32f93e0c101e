import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { signRoleToken } from "../../local/auth/tokens.ts";
import { loadKeys, publicKeySet } from "../../local/keys.ts";
import { beginLifetime } from "../../local/lifetime.ts";
import { applyMigrations } from "../../local/migrations.ts";
import { freePort } from "../../local/ports.ts";
import { databaseUrl, startPostgres } from "../../local/postgres.ts";
import { packagedPostgres } from "../../local/postgres-server.ts";
import { startPostgrest } from "../../local/postgrest.ts";
import { claimDirectory } from "../../local/process-record.ts";
import { createDatabase, type Database } from "../../shared/database/database.ts";
import { createSecret } from "../../shared/domain/secret.ts";

/** The packaged one with the memory of a machine that such databases are kept on: Postgres' own default is that of a laptop of 2005. */
const server = {
  ...packagedPostgres,
  settings: { ...packagedPostgres.settings, shared_buffers: "1GB", max_wal_size: "4GB" },
};

/** A database with the migrations, and PostgREST before it: what the functions of a project talk to. */
export interface MeteringDatabase {
  name: string;
  /** What the functions call it by, without a gateway between. */
  database: Database;
  /** As its superuser. */
  sql: Sql;
  /** What the database has told `sql` so far. */
  notices: string[];
  stop(): Promise<void>;
}

/** Starts an empty one in `directory`. Throws, with nothing left running, when it does not start. */
export async function startMeteringDatabase(name: string, directory: string): Promise<MeteringDatabase> {
  rmSync(directory, { recursive: true, force: true });
  const logDirectory = join(directory, "logs");
  mkdirSync(logDirectory, { recursive: true });
  const { start, end } = beginLifetime(await claimDirectory(directory));
  try {
    const keys = await loadKeys(directory);
    const [port, restPort, adminPort] = [await freePort(), await freePort(), await freePort()];
    const urlFor = (role: string) => databaseUrl(role, keys.databasePassword, port);
    await startPostgres({ server, directory, port, password: keys.databasePassword, logDirectory, start });
    await applyMigrations({ databaseUrl: urlFor("postgres"), logDirectory, start });
    await startPostgrest({
      databaseUrl: urlFor("authenticator"),
      keySet: JSON.stringify(publicKeySet(keys)),
      port: restPort,
      adminPort,
      logDirectory,
      start,
    });
    const notices: string[] = [];
    const sql = postgres(urlFor("supabase_admin"), {
      max: 2,
      onnotice: ({ message }) => notices.push(String(message)),
    });
    const role = `Bearer ${await signRoleToken(keys, "service_role")}`;
    return {
      name,
      sql,
      notices,
      database: createDatabase({
        url: `http://127.0.0.1:${restPort}`,
        secretKey: createSecret(keys.secretKey),
        // A project's gateway puts the role in the place of the key, and has PostgREST at another path.
        fetch: (input, init) => {
          const headers = new Headers(init?.headers);
          headers.set("authorization", role);
          return fetch(String(input).replace("/rest/v1/", "/"), { ...init, headers });
        },
      }),
      async stop() {
        await sql.end({ timeout: 1 });
        await end();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
