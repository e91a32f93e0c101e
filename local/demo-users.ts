import type { Sql } from "postgres";
import { findUserByEmail, insertUser } from "./auth/users.ts";
import type { StackDescription } from "./stack-description.ts";

/** Those who can sign in to a new stack, with passwords that are good on this machine only. */
export const demoUsers: StackDescription["users"] = {
  free: { email: "free@sluice.local", password: "sluice-free" },
  pro: { email: "pro@sluice.local", password: "sluice-pro" },
  admin: { email: "admin@sluice.local", password: "sluice-admin" },
};

const extras: Record<keyof typeof demoUsers, { plan?: string; role?: string }> = {
  free: {},
  pro: { plan: "pro" },
  admin: { plan: "pro", role: "admin" },
};

/**
 * Makes the demo users that are missing, each with their plan or not at all. `sql` may write the sign-in service's tables and
 * ours. One that exists stays as it is: a second start keeps what was changed.
 */
export async function createDemoUsers(sql: Sql): Promise<void> {
  const names = Object.keys(demoUsers) as (keyof typeof demoUsers)[];
  await Promise.all(names.map((name) => createDemoUser(sql, name)));
}

async function createDemoUser(sql: Sql, name: keyof typeof demoUsers): Promise<void> {
  const { email, password } = demoUsers[name];
  const { plan, role } = extras[name];
  if (await findUserByEmail(sql, email)) return;
  await sql.begin(async (transaction) => {
    const user = await insertUser(transaction, { email, password, appMetadata: role ? { role } : {} });
    if (plan)
      await transaction`update private.accounts set plan_id = ${plan}, base_plan_id = ${plan} where user_id = ${user.id}`;
  });
}
