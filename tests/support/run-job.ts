import postgres, { type Sql } from "postgres";

/**
 * Runs a scheduled job at once, as pg_cron would: its command, as its user, in a session of its own. `databaseUrl` is that of
 * `postgres`, with the password of all. Throws when there is no such job, and when it fails.
 */
export async function runJob(databaseUrl: string, name: string): Promise<void> {
  const job = await withSession(databaseUrl, async (sql) => {
    const [found] = await sql<{ command: string; username: string }[]>`
      select command, username from cron.job where jobname = ${name} and active`;
    return found;
  });
  if (job === undefined) throw new Error(`There is no job ${name}.`);
  const url = new URL(databaseUrl);
  url.username = job.username;
  await withSession(url.href, (sql) => sql.unsafe(job.command));
}

async function withSession<T>(databaseUrl: string, work: (sql: Sql) => PromiseLike<T>): Promise<T> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
