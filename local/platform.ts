import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "postgres";
import { projectRoot } from "./project.ts";

/**
 * Gives a plain Postgres what Supabase's image has and the database does not have yet: roles and schemas (`platform.sql`). `sql` is a superuser's; all roles that may log in get the password.
 */
export async function applyPlatform(sql: Sql, password: string): Promise<void> {
  const [applied] = await sql`select from pg_roles where rolname = 'authenticator'`;
  if (applied) return;
  await sql.begin(async (transaction) => {
    await transaction.unsafe(readSql("platform.sql"));
    // `alter role` takes no parameters; a key of ours has no character that would need quoting.
    for (const role of ["postgres", "authenticator", "supabase_auth_admin"])
      await transaction.unsafe(`alter role ${role} password '${password}'`);
  });
}

function readSql(file: string): string {
  return readFileSync(join(projectRoot, "local", file), "utf8");
}
