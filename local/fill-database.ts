import postgres, { type Sql } from "postgres";
import { createDemoUsers } from "./demo-users.ts";

/**
 * Makes what a stack has in its database besides the migrations: the demo users, and the secrets that jobs look up in Vault.
 * `databaseUrl` is that of the owner.
 */
export async function fillDatabase(databaseUrl: string, secrets: Record<string, string>): Promise<void> {
  const sql = postgres(databaseUrl, { max: 3 });
  try {
    await Promise.all([createDemoUsers(sql), putSecrets(sql, secrets)]);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Puts secrets into Vault by their names; those that are there already get the new value. */
async function putSecrets(sql: Sql, secrets: Record<string, string>): Promise<void> {
  for (const [name, secret] of Object.entries(secrets)) {
    const [known] = await sql<{ id: string }[]>`select id from vault.secrets where name = ${name}`;
    if (known) await sql`select vault.update_secret(${known.id}, ${secret})`;
    else await sql`select vault.create_secret(${secret}, ${name})`;
  }
}
