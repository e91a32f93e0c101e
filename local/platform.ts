import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "postgres";
import { projectRoot } from "./project.ts";

/**
 * Gives a plain Postgres what Supabase's image has and the database does not have yet: roles and schemas (`platform.sql`), and of the
 * extensions the real one or its stand-in. `sql` is a superuser's; all roles that may log in get the password.
 */
export async function applyPlatform(sql: Sql, password: string): Promise<void> {
  if (!(await exists(sql`select from pg_roles where rolname = 'authenticator'`)))
    await sql.begin(async (transaction) => {
      await transaction.unsafe(readSql("platform.sql"));
      // `alter role` takes no parameters; a key of ours has no character that would need quoting.
      for (const role of ["postgres", "authenticator", "supabase_auth_admin"])
        await transaction.unsafe(`alter role ${role} password '${password}'`);
    });

  const hasCron = await exists(sql`select from pg_available_extensions where name = 'pg_cron'`);
  const extensions = {
    cron: hasCron ? "pg-cron.sql" : "pg-cron-stand-in.sql",
    net: "pg-net-stand-in.sql",
    vault: "vault-stand-in.sql",
  };
  for (const [schema, file] of Object.entries(extensions)) {
    if (await exists(sql`select from pg_namespace where nspname = ${schema}`)) continue;
    await sql.begin((transaction) => transaction.unsafe(readSql(join("extensions", file))));
  }
}

async function exists(rows: Promise<readonly unknown[]>): Promise<boolean> {
  return (await rows).length > 0;
}

function readSql(file: string): string {
  return readFileSync(join(projectRoot, "local", file), "utf8");
}
