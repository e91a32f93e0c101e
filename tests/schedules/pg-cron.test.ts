import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createJobRunner } from "../../local/schedules/job-runner.ts";
import { expectedPrivileges } from "../database/privileges.ts";
import { type Database, openDatabase } from "../support/open-database.ts";
import { readPrivileges } from "../support/read-privileges.ts";
import { runJob } from "../support/run-job.ts";
import { cronPackage, findCronPostgres } from "./cron-postgres.ts";
import { startDatabase, type TestDatabase } from "./start-database.ts";

const server = findCronPostgres();

if (!server) process.stderr.write(`Skipped, the tests with the real pg_cron: they need ${cronPackage}.\n`);

describe.skipIf(!server)("with pg_cron", () => {
  let database: TestDatabase;
  let sql: Database;

  beforeAll(async () => {
    if (server) database = await startDatabase("test-pg-cron", { server, migrate: true });
    sql = openDatabase(database.urlFor("postgres"));
    await sql`create schema test`;
    await sql`create table test.marks (mark text not null, role text not null default current_user)`;
  });
  afterAll(async () => {
    await sql?.end({ timeout: 5 });
    await database?.stop();
  });

  test("the migrations make the same tables and functions, for the same roles, as on Postgres 17", async () => {
    const [extension] = await sql`select extversion from pg_extension where extname = 'pg_cron'`;
    expect(extension?.extversion).toMatch(/^1\./);
    expect(await readPrivileges(sql)).toEqual(expectedPrivileges);
  });

  test("the owner of the migrations, who is no superuser, schedules jobs, and may make the extension that is there", async () => {
    // It says that it is there already.
    await sql.unsafe(
      "set client_min_messages = warning; create extension if not exists pg_cron with schema pg_catalog",
    );
    await sql`select cron.schedule('mark', '0 0 1 1 *', ${"insert into test.marks values ('on command')"})`;
    await runJob(database.urlFor("postgres"), "mark");
    expect(await sql`select * from test.marks`).toEqual([{ mark: "on command", role: "postgres" }]);
    await sql`select cron.unschedule('mark')`;
    await expect(runJob(database.urlFor("postgres"), "mark")).rejects.toThrow("no job mark");
  });

  test("the runner of the local stack leaves the jobs to pg_cron", async () => {
    const runner = await createJobRunner({
      urlFor: database.urlFor,
      report: (line) => expect.unreachable(line),
    });
    await sql`select cron.schedule('mark', '0 0 1 1 *', ${"insert into test.marks values ('twice')"})`;
    await runner.runMinute(new Date("2027-01-01T00:00:00Z"));
    expect(await sql`select from test.marks where mark = 'twice'`).toEqual([]);
    await sql`select cron.unschedule('mark')`;
    await runner.stop();
  });

  test("pg_cron's own worker runs a job as the role that scheduled it, and notes the run", async () => {
    // Its times are full minutes; but what is for its start it runs at once.
    await sql`select cron.schedule('at the start', '@reboot', ${"insert into test.marks values ('by its worker')"})`;
    await database.restart();
    const readRuns = () => sql<{ status: string; username: string }[]>`
      select r.status, r.username from cron.job_run_details r join cron.job j using (jobid)
      where j.jobname = 'at the start' and r.end_time is not null`;
    let runs = await readRuns();
    while (runs.length === 0) runs = await readRuns();
    expect(runs).toEqual([{ status: "succeeded", username: "postgres" }]);
    expect(await sql`select role from test.marks where mark = 'by its worker'`).toEqual([
      { role: "postgres" },
    ]);
  });
});
