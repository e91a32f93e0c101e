import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { PostgresServer } from "../../local/postgres-server.ts";

const programs = "/usr/lib/postgresql";
const extensions = "/usr/share/postgresql";

/** What has to be installed, in words. */
export const cronPackage = "Debian's or Ubuntu's postgresql-*-cron (apt-get install postgresql-15-cron)";

/**
 * The newest Postgres of Debian that has pg_cron, set up to run its jobs in the database `postgres`; undefined where none is installed.
 * `.ci/run` installs one, so that under CI it throws instead.
 */
export function findCronPostgres(): PostgresServer | undefined {
  const versions = existsSync(programs) ? readdirSync(programs).map(Number) : [];
  const version = versions
    .filter((each) => existsSync(join(extensions, String(each), "extension", "pg_cron.control")))
    .sort((a, b) => b - a)[0];
  if (version === undefined) {
    if (process.env.CI) throw new Error(`No Postgres in ${programs} has pg_cron: .ci/run installs it.`);
    return undefined;
  }
  return {
    findProgram: (name) => join(programs, String(version), "bin", name),
    // Locales of its own, such as C.UTF-8, Postgres has from 17 on only.
    locale: { locale: "C" },
    settings: {
      shared_preload_libraries: "pg_cron",
      "cron.database_name": "postgres",
      // Else it would sign in to run a job, without a password.
      "cron.use_background_workers": "on",
    },
  };
}
