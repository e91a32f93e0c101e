import type { Sql, TransactionSql } from "postgres";

/**
 * Fills tables in one transaction, in which their keys and indexes are made last and all at once: one entry at a time, in no order, takes
 * many times as long.
 */
export async function withoutIndexes(
  sql: Sql,
  tables: string[],
  fill: (session: TransactionSql) => Promise<void>,
): Promise<void> {
  await sql.begin(async (session) => {
    await session`set local maintenance_work_mem = '1GB'`;
    const constraints = await session<{ remove: string; restore: string }[]>`
      select
        format('alter table %s drop constraint %I', conrelid::regclass, conname) as remove,
        format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as restore
      from pg_constraint
      where contype in ('p', 'u') and conrelid = any (${tables}::regclass[])`;
    for (const { remove } of constraints) await session.unsafe(remove);
    const indexes = await session<{ remove: string; restore: string }[]>`
      select format('drop index %s', indexrelid::regclass) as remove, pg_get_indexdef(indexrelid) as restore
      from pg_index
      where indrelid = any (${tables}::regclass[])`;
    for (const { remove } of indexes) await session.unsafe(remove);
    await fill(session);
    for (const { restore } of [...constraints, ...indexes]) await session.unsafe(restore);
  });
}
