import type { Sql } from "postgres";

export interface Person {
  userId: string;
  token: string;
}

/**
 * Makes people on a plan of their own, which has the limits of a paid plan, so that each is checked, but with amounts that no
 * run reaches. `signIn` returns the access token of a user.
 */
export async function createPeople(
  sql: Sql,
  signIn: (email: string) => Promise<string>,
  { planId, count, rank = 1000 }: { planId: string; count: number; rank?: number },
): Promise<Person[]> {
  const users = await sql.begin(async (transaction) => {
    await transaction`insert into private.plans (id, name, rank) values (${planId}, 'Bench', ${rank})`;
    await transaction`
      insert into private.plan_limits (plan_id, unit, "window", amount) values
        (${planId}, 'requests', 'minute', 6000000),
        (${planId}, 'requests', 'day', 1000000000),
        (${planId}, 'nano_usd', 'month', 1000000000000000)`;
    const added = await transaction<{ id: string; email: string }[]>`
      insert into auth.users (email, encrypted_password)
      select ${planId}::text || '-' || number || '@sluice.local', '' from generate_series(1, ${count}::integer) number
      returning id, email`;
    await transaction`
      update private.accounts set plan_id = ${planId} where user_id in ${transaction(added.map(({ id }) => id))}`;
    return added;
  });
  const people: Person[] = [];
  for (const { id, email } of users) people.push({ userId: id, token: await signIn(email) });
  return people;
}
