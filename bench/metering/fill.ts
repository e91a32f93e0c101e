import type { Sql, TransactionSql } from "postgres";
import { withoutIndexes } from "./without-indexes.ts";

/** How much a database holds. */
export interface Size {
  users: number;
  ledgerRows: number;
  /** Settled holds of the last weeks, which are not purged yet. */
  holds: number;
}

const planId = "bench";
const modelId = "bench/model";
/** Over so many months, this one the last, the ledger is spread. */
const months = 6;

/**
 * Makes the plan of the bench, with the limits of a paid plan and amounts that no run reaches, its model, people on it, and what they have used
 * before. Then all is at rest: vacuumed, analysed and on disk.
 * @returns the people whom a run asks for, spread over all of them
 */
export async function fill(sql: Sql, size: Size, askedUsers: number): Promise<string[]> {
  await sql`insert into private.plans (id, name, rank) values (${planId}, 'Bench', 1000)`;
  await sql`
    insert into private.plan_limits (plan_id, unit, "window", amount) values
      (${planId}, 'requests', 'minute', 6000000),
      (${planId}, 'requests', 'day', 1000000000),
      (${planId}, 'nano_usd', 'month', 1000000000000000)`;
  await sql`
    insert into private.models (id, name, status, context_tokens, max_output_tokens)
    values (${modelId}, 'Bench', 'active', 128000, 16384)`;
  await sql`
    with route as (
      insert into private.model_routes (model_id, provider, upstream_model) values (${modelId}, 'openai', 'gpt-4o-mini') returning id
    )
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
    select id, 0.00000015, 0.000000075, 0.00000015, 0.0000006, '2026-01-01' from route`;
  await sql`insert into private.plan_models (plan_id, model_id, is_default) values (${planId}, ${modelId}, true)`;
  await sql`
    insert into auth.users (email, encrypted_password)
    select 'bench-' || n || '@sluice.local', '' from generate_series(1, ${size.users}::integer) n`;
  await sql`update private.accounts set plan_id = ${planId}`;
  await sql`
    create table public.bench_people as
    select row_number() over (order by user_id) as number, user_id from private.accounts`;
  await sql`alter table public.bench_people add primary key (number)`;
  if (size.ledgerRows > 0) {
    for (let month = 0; month < months; month++)
      await sql`select private.create_ledger_partition(now() - ${month}::integer * interval '1 month')`;
    const tables = ["private.usage_windows", "private.request_rates", "private.holds", "private.ledger"];
    await withoutIndexes(sql, tables, (session) => fillUsage(session, size));
  }
  await sql`vacuum analyze`;
  await sql`checkpoint`;
  const asked = await sql<{ user_id: string }[]>`
    select user_id from public.bench_people where number % ${Math.floor(size.users / askedUsers)}::integer = 0 limit ${askedUsers}`;
  return asked.map(({ user_id }) => user_id);
}

async function fillUsage(sql: TransactionSql, { users, ledgerRows, holds }: Size): Promise<void> {
  await sql`
    insert into private.usage_windows (id, user_id, scope, scope_id, unit, "window", period_start, period_end, "limit")
    select nextval('private.usage_window_ids'), p.user_id, 'all', '', l.unit, l."window", period.period_start, period.period_end, l.amount
    from public.bench_people p
    join private.current_accounts a on a.user_id = p.user_id
    join private.plan_limits l on l.plan_id = ${planId} and l."window" <> 'minute'
    cross join lateral private.period_of(l."window", a.calendar, now()) period`;
  await sql`
    insert into private.request_rates (user_id, scope, scope_id, next_at, "limit") select user_id, 'all', '', now(), 6000000 from public.bench_people`;
  // Of the holds that are still there, and of those that were purged. Nothing of it is in a window: its months are over.
  await sql`
    insert into private.holds (
      id, user_id, plan_id, model_id, price_ids, prompt_tokens, likely_prompt_tokens, max_output_tokens, reservations, state, created_at,
      expires_at
    )
    select
      ${idAt(sql)}, p.user_id, ${planId}, ${modelId}, '{1}', 200, 40, 256, '{}', 'settled', at.time, at.time + interval '10 minutes'
    from generate_series(1, ${holds}::integer) n
    join public.bench_people p on p.number = 1 + n::bigint * 7919 % ${users}::integer
    cross join lateral (select now() - interval '1 day' - n * interval '60 days' / ${holds}::integer) at (time)`;
  await sql`
    insert into private.ledger (
      hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, model_id, provider, upstream_model, price_id,
      input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano, created_at
    )
    select
      ${idAt(sql)}, 1, 'charge', at.time, 'completed', false, false, p.user_id, ${planId}, ${modelId}, 'openai', 'gpt-4o-mini', 1,
      22, 0, 0, 50, 0, 33300, at.time
    from generate_series(1, ${ledgerRows}::integer) n
    join public.bench_people p on p.number = 1 + n::bigint * 7919 % ${users}::integer
    cross join lateral (
      select case when n <= ${holds}::integer then now() - interval '1 day' - n * interval '60 days' / ${holds}::integer
        else date_trunc('month', now()) - interval '1 hour' - n * (interval '1 month' * ${months - 1}::integer - interval '1 day') / ${ledgerRows}::integer
      end
    ) at (time)`;
}

/** An id as the functions make them: a row of the time `at.time`, the n-th. */
function idAt(sql: TransactionSql) {
  return sql`(lpad(to_hex((extract(epoch from at.time) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 14))::uuid`;
}
