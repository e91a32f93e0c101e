import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packagedPostgres } from "../../local/postgres-server.ts";
import { type Database, openDatabase } from "../support/open-database.ts";
import { runJob } from "../support/run-job.ts";
import { makeModel, makePlan } from "../support/test-models.ts";
import { findCronPostgres } from "./cron-postgres.ts";
import { startDatabase, type TestDatabase } from "./start-database.ts";

const cronServer = findCronPostgres();

describe.each([
  { name: "pg_cron", server: cronServer, directory: "test-jobs-cron" },
  { name: "the stand-in of the local stack", server: packagedPostgres, directory: "test-jobs" },
])("with $name", ({ server, directory }) => {
  describe.skipIf(!server)("the job", () => {
    let database: TestDatabase;
    let sql: Database;
    let modelId: string;
    let planId: string;
    let jobs: { jobname: string; schedule: string; username: string }[];

    beforeAll(async () => {
      if (server) database = await startDatabase(directory, { server, migrate: true });
      sql = openDatabase(database.urlFor("postgres"));
      jobs = await sql`
        select jobname, schedule, username from cron.job where jobname like 'sluice-%' order by jobname`;
      // The real one looks at the clock: what runs here is to run when a test says so, and then alone.
      if (server === cronServer) await sql`select cron.alter_job(jobid, '0 0 1 1 *') from cron.job`;
      modelId = await makeModel(sql);
      planId = await makePlan(sql, {
        models: [modelId],
        limits: [
          { unit: "requests", window: "day", amount: 10 },
          { unit: "nano_usd", window: "month", amount: 1_000_000_000 },
        ],
      });
    });
    afterAll(async () => {
      await sql?.end({ timeout: 5 });
      await database?.stop();
    });

    const run = (name: string) => runJob(database.urlFor("postgres"), `sluice-${name}`);

    /** Somebody new, of whom a chat is held. */
    async function holdFor(): Promise<{ userId: string; holdId: string }> {
      const [{ id: userId }] = await sql<[{ id: string }]>`
        insert into auth.users (email, encrypted_password) values (${`${randomUUID()}@example.com`}, '') returning id`;
      await sql`update private.accounts set plan_id = ${planId} where user_id = ${userId}`;
      const holdId = randomUUID();
      const item = {
        ...{ hold_id: holdId, user_id: userId, model_id: modelId, conversation_id: null, continues: false },
        ...{ prompt_bytes: 10, prompt_messages: 1, overhead_tokens: 0, images: 0, output_modality: "text" },
        ...{ needs: [], max_output_tokens: 50 },
      };
      const [row] = await sql<
        [{ answer: { refusal?: string } }]
      >`select public.begin_chats(${sql.json([item])}) as answer`;
      expect(row.answer.refusal).toBeUndefined();
      return { userId, holdId };
    }

    const readWindows = (userId: string) => sql`
      select unit, epoch, used, held from private.usage_windows where user_id = ${userId} order by unit`;

    test("list is what the migrations say, as their owner", () => {
      expect(jobs.map(({ jobname, schedule }) => [jobname, schedule])).toEqual([
        ["sluice-check-ledger", "*/10 * * * *"],
        ["sluice-check-whole-ledger", "40 3 * * *"],
        ["sluice-deliver-alerts", "* * * * *"],
        ["sluice-ledger-partitions", "20 2 * * *"],
        ["sluice-lost-syncs", "*/10 * * * *"],
        ["sluice-purge", "50 * * * *"],
        ["sluice-rate-models", "25 * * * *"],
        ["sluice-reconcile-billing", "*/5 3-5 * * *"],
        ["sluice-roll-slots", "5 * * * *"],
        ["sluice-roll-windows", "* * * * *"],
        ["sluice-sweep-holds", "* * * * *"],
        ["sluice-sync-models", "0,30 2 * * *"],
      ]);
      expect(new Set(jobs.map(({ username }) => username))).toEqual(new Set(["postgres"]));
    });

    test("sweep-holds releases what a dead function left, charges what was surely sent, and leaves busy callers alone", async () => {
      const [dead, busy] = [await holdFor(), await holdFor()];
      await sql`update private.holds set expires_at = now() - interval '1 second' where id in ${sql([dead.holdId, busy.holdId])}`;
      const session = await sql.reserve();
      await session`begin`;
      await session`select from private.accounts where user_id = ${busy.userId} for no key update`;
      await run("sweep-holds");
      await session`commit`;
      session.release();
      expect(await readWindows(dead.userId)).toMatchObject([
        { unit: "requests", used: 1, held: 0 },
        { unit: "nano_usd", held: 0 },
      ]);
      expect(await readWindows(busy.userId)).toMatchObject([{ held: 1 }, {}]);
      await run("sweep-holds");
      expect(await readWindows(busy.userId)).toMatchObject([{ used: 1, held: 0 }, { held: 0 }]);
    });

    test("sweep-holds releases what deleted callers held, too", async () => {
      const { userId, holdId } = await holdFor();
      await sql`update private.holds set expires_at = now() - interval '1 second' where id = ${holdId}`;
      await sql`delete from auth.users where id = ${userId}`;
      await run("sweep-holds");
      expect(await sql`select state from private.holds where id = ${holdId}`).toEqual([{ state: "expired" }]);
      expect(await sql`select outcome from private.ledger where hold_id = ${holdId}`).toEqual([
        { outcome: "expired" },
      ]);
    });

    test("roll-windows begins the new day of whoever was not there", async () => {
      const { userId } = await holdFor();
      await sql`
        update private.usage_windows set period_start = now() - interval '2 days', period_end = now() - interval '1 day'
        where user_id = ${userId} and "window" = 'day'`;
      await run("roll-windows");
      const windows = await sql`
        select epoch, used, held, period_start <= now() and period_end > now() as is_running
        from private.usage_windows where user_id = ${userId} and "window" = 'day'`;
      expect(windows).toEqual([{ epoch: 2, used: 0, held: 0, is_running: true }]);
      await run("roll-windows");
      expect(await readWindows(userId)).toMatchObject([{ epoch: 2 }, { epoch: 1 }]);
    });

    test("roll-slots begins the new period of a limit of the project that nobody has used since", async () => {
      await sql`insert into private.project_limits (unit, "window", amount) values ('requests', 'day', 1000)`;
      await holdFor();
      const readSlots = () => sql`
        select count(*)::integer as slots, sum(held)::integer as held, bool_and(period_end > now()) as is_running
        from private.usage_windows where user_id is null`;
      expect(await readSlots()).toEqual([{ slots: 16, held: 1, is_running: true }]);
      await sql`
        update private.usage_windows set period_start = now() - interval '2 days', period_end = now() - interval '1 day'
        where user_id is null`;
      await run("roll-slots");
      expect(await readSlots()).toEqual([{ slots: 16, held: 0, is_running: true }]);
      await sql`delete from private.project_limits`;
    });

    test("check-ledger writes one alert for a counter that differs from the ledger, however often it runs", async () => {
      const { userId } = await holdFor();
      await sql`update private.usage_windows set used = used + 1 where user_id = ${userId} and unit = 'requests'`;
      for (const job of ["check-ledger", "check-whole-ledger", "check-ledger"]) await run(job);
      expect(
        await sql`select kind, data ->> 'used' as used, data ->> 'expected_used' as expected from private.alerts
          where data ->> 'user_id' = ${userId}`,
      ).toEqual([{ kind: "ledger_drift", used: "1", expected: "0" }]);
      await sql`update private.usage_windows set used = used - 1 where user_id = ${userId} and unit = 'requests'`;
    });

    test("check-ledger tells of holds that nobody releases, once a day", async () => {
      const { holdId } = await holdFor();
      const readAlerts = () =>
        sql`select data ->> 'holds' as holds from private.alerts where data ->> 'what' = 'overdue'`;
      await run("check-ledger");
      expect(await readAlerts()).toEqual([]);
      await sql`update private.holds set expires_at = now() - interval '6 minutes' where id = ${holdId}`;
      for (let times = 0; times < 2; times++) await run("check-ledger");
      expect(await readAlerts()).toEqual([{ holds: "1" }]);
      await run("sweep-holds");
    });

    test("purge deletes what is old, runs of jobs too, and keeps what is young or pending", async () => {
      const [old, young, pending] = [await holdFor(), await holdFor(), await holdFor()];
      await sql`select public.settle_chats(${sql.json([old, young].map(({ holdId }) => ({ hold_id: holdId, charges: [], messages: [] })))})`;
      await sql`update private.holds set created_at = now() - interval '71 days' where id in ${sql([old.holdId, pending.holdId])}`;
      await sql`
        insert into private.idempotency_keys (user_id, key, body_hash, hold_id, created_at) values
          (${young.userId}, 'old', '', ${young.holdId}, now() - interval '25 hours'),
          (${young.userId}, 'young', '', ${young.holdId}, now() - interval '23 hours')`;
      await sql`
        insert into private.alerts (kind, event, data, created_at) values
          ('spend_spike', ${`old ${directory}`}, '{}', now() - interval '91 days')`;
      await sql`
        insert into private.model_sync_log (run_id, source, status, started_at, finished_at) values
          (gen_random_uuid(), 'old', 'succeeded', now() - interval '91 days', now()),
          (gen_random_uuid(), 'young', 'succeeded', now() - interval '89 days', now())`;
      await sql`
        insert into private.stripe_events (endpoint, id, type, created_at, received_at) values
          ('snapshot', 'old', 'test', now(), now() - interval '61 days'),
          ('snapshot', 'young', 'test', now(), now() - interval '59 days')`;
      await sql`
        insert into cron.job_run_details (jobid, runid, command, status, end_time) overriding system value values
          (0, -1, 'old', 'succeeded', now() - interval '8 days'), (0, -2, 'young', 'succeeded', now() - interval '6 days')`;
      await run("purge");
      const holds = [old, young, pending].map(({ holdId }) => holdId);
      const kept = await sql`select id from private.holds where id in ${sql(holds)}`;
      expect(kept.map(({ id }) => id).toSorted()).toEqual([young.holdId, pending.holdId].toSorted());
      expect(await sql`select key from private.idempotency_keys where user_id = ${young.userId}`).toEqual([
        { key: "young" },
      ]);
      expect(await sql`select from private.alerts where event = ${`old ${directory}`}`).toHaveLength(0);
      expect(await sql`select source from private.model_sync_log`).toEqual([{ source: "young" }]);
      expect(await sql`select id from private.stripe_events`).toEqual([{ id: "young" }]);
      expect(await sql`select command from cron.job_run_details where jobid = 0`).toEqual([
        { command: "young" },
      ]);
      await sql`update private.holds set created_at = now() where id = ${pending.holdId}`;
    });

    test("deliver-alerts asks the functions where Vault knows them, and does nothing where it does not", async () => {
      await sql`
        insert into private.alerts (kind, event, data) values ('spend_spike', ${`due ${directory}`}, '{}')`;
      await run("deliver-alerts");
      expect(await sql`select from net.http_request_queue`).toHaveLength(0);
      await sql`select vault.create_secret('https://example.com/functions/v1', 'sluice_functions_url')`;
      await sql`select vault.create_secret('job-secret', 'sluice_job_secret')`;
      await run("deliver-alerts");
      expect(await sql`select method, url, headers from net.http_request_queue`).toEqual([
        {
          method: "POST",
          url: "https://example.com/functions/v1/account/alerts/deliver",
          headers: { "content-type": "application/json", authorization: "Bearer job-secret" },
        },
      ]);
      await sql`update private.alerts set next_try_at = null`;
      await run("deliver-alerts");
      expect(await sql`select from net.http_request_queue`).toHaveLength(1);
    });

    test("sync-models asks the functions where Vault knows them, and does nothing where it does not", async () => {
      await sql`delete from net.http_request_queue`;
      await sql`delete from vault.secrets`;
      await run("sync-models");
      expect(await sql`select from net.http_request_queue`).toHaveLength(0);
      await sql`select vault.create_secret('https://example.com/functions/v1', 'sluice_functions_url')`;
      await sql`select vault.create_secret('job-secret', 'sluice_job_secret')`;
      await run("sync-models");
      expect(await sql`select method, url, headers from net.http_request_queue`).toEqual([
        {
          method: "POST",
          url: "https://example.com/functions/v1/sync-models",
          headers: { "content-type": "application/json", authorization: "Bearer job-secret" },
        },
      ]);
      // The second try, where the first one succeeded.
      await sql`
        insert into private.model_sync_log (run_id, source, status, finished_at) values (gen_random_uuid(), 'openrouter', 'succeeded', now())`;
      await run("sync-models");
      expect(await sql`select from net.http_request_queue`).toHaveLength(1);
    });

    test("reconcile-billing asks the functions until a run has come to the end, and not where nothing is sold", async () => {
      await sql`delete from net.http_request_queue`;
      const asked = async () => {
        await run("reconcile-billing");
        return (await sql`select url from net.http_request_queue`).map(({ url }) => url);
      };
      expect(await asked()).toEqual([]);
      await sql`
        insert into private.billing_prices (id, plan_id, "interval", currency, amount, is_active, created_at)
        values ('price_1', 'free', 'month', 'usd', 100, true, now())`;
      const url = "https://example.com/functions/v1/billing/reconcile";
      expect(await asked()).toEqual([url]);
      // One that was stopped by its time, and one of the night before.
      await sql`
        insert into private.reconciliations (id, started_at, is_complete) values
          (gen_random_uuid(), now() - interval '5 minutes', false), (gen_random_uuid(), now() - interval '21 hours', true)`;
      expect(await asked()).toEqual([url, url]);
      await sql`insert into private.reconciliations (id, is_complete) values (gen_random_uuid(), true)`;
      expect(await asked()).toEqual([url, url]);
    });

    test("lost-syncs gives up what nobody runs any more, with an alert", async () => {
      await sql`
        insert into private.model_sync_log (run_id, source, started_at) values
          (gen_random_uuid(), 'lost', now() - interval '11 minutes'), (gen_random_uuid(), 'running', now() - interval '9 minutes')`;
      await run("lost-syncs");
      expect(
        await sql`select source, status from private.model_sync_log where source in ('lost', 'running') order by 1`,
      ).toEqual([
        { source: "lost", status: "failed" },
        { source: "running", status: "running" },
      ]);
      expect(
        await sql`select from private.alerts where kind = 'sync_failed' and data ->> 'source' = 'lost'`,
      ).toHaveLength(1);
      await sql`delete from private.model_sync_log`;
    });

    test("ledger-partitions makes the months to come, and takes those that were kept long enough out of the ledger", async () => {
      await sql`select private.create_ledger_partition('2020-02-10Z')`;
      await run("ledger-partitions");
      const partitions = await sql`
        select inhrelid::regclass::text as name from pg_inherits where inhparent = 'private.ledger'::regclass order by 1`;
      const months = await sql`
        select 'private.ledger_' || to_char(now() at time zone 'UTC' + months * interval '1 month', 'YYYY_MM') as name
        from generate_series(0, 2) months`;
      expect(partitions).toEqual([...months]);
      expect(await sql`select from private.ledger_2020_02`).toHaveLength(0);
    });
  });
});
