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
  count: number,
): Promise<Person[]> {
  const users = await sql.begin(async (transaction) => {
    await transaction`insert into private.plans (id, name, rank) values ('bench', 'Bench', 1000)`;
    await transaction`
      insert into private.plan_limits (plan_id, unit, "window", amount) values
        ('bench', 'requests', 'minute', 6000000),
        ('bench', 'requests', 'day', 1000000000),
        ('bench', 'nano_usd', 'month', 1000000000000000)`;
    await transaction`
      insert into private.plan_models (plan_id, model_id, is_default) values ('bench', 'openai/gpt-4o-mini', true)`;
    const added = await transaction<{ id: string; email: string }[]>`
      insert into auth.users (email, encrypted_password)
      select 'bench-' || number || '@sluice.local', '' from generate_series(1, ${count}::integer) number
      returning id, email`;
    await transaction`
      update private.accounts set plan_id = 'bench' where user_id in ${transaction(added.map(({ id }) => id))}`;
    return added;
  });
  return Promise.all(users.map(async ({ id, email }) => ({ userId: id, token: await signIn(email) })));
}
