import postgres, { type Sql } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../local/ports.ts";
import { createJobRunner, type JobRunner } from "../../local/schedules/job-runner.ts";
import { startServer } from "../shared/start-server.ts";
import { startDatabase, type TestDatabase } from "./start-database.ts";

// A database of their own, and no migrations: jobs of ours would run too.
let database: TestDatabase;
let sql: Sql;
let runner: JobRunner;
let reported: string[];

const noon = new Date("2026-11-28T12:00:00Z");

beforeAll(async () => {
  database = await startDatabase("test-job-runner", { migrate: false });
  sql = postgres(database.urlFor("postgres"), { max: 4, onnotice: () => {} });
  await sql`create table public.marks (mark text not null, role text not null default current_user)`;
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await database?.stop();
});

beforeEach(async () => {
  reported = [];
  runner = await createJobRunner({ urlFor: database.urlFor, report: (line) => reported.push(line) });
});
afterEach(async () => {
  await runner.stop();
  await sql`select cron.unschedule(jobname) from cron.job`;
  await sql`truncate cron.job_run_details, net.http_request_queue, net._http_response, public.marks`;
});

function schedule(name: string, when: string, command: string) {
  return sql`select cron.schedule(${name}, ${when}, ${command})`;
}

function readRuns() {
  return sql<{ name: string; status: string; return_message: string | null }[]>`
    select j.jobname as name, r.status, r.return_message
    from cron.job_run_details r join cron.job j using (jobid) order by j.jobid, r.runid`;
}

async function readMarks(): Promise<string[]> {
  const rows = await sql<{ mark: string }[]>`select mark from public.marks order by mark`;
  return rows.map(({ mark }) => mark);
}

/** Calls until it returns something. */
async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
  }
}

test("a job runs in the minutes that its schedule names, in UTC, and no other job does", async () => {
  await schedule("always", "* * * * *", "insert into public.marks values ('always')");
  await schedule("at noon", "0 12 * * *", "insert into public.marks values ('at noon')");
  await schedule("at five past", "5 12 * * *", "insert into public.marks values ('at five past')");
  await schedule("on Saturdays or the first", "0 12 1 * 6", "insert into public.marks values ('Saturday')");
  await runner.runMinute(noon);
  expect(await readMarks()).toEqual(["Saturday", "always", "at noon"]);
  await runner.runMinute(new Date("2026-11-29T12:05:00Z"));
  expect(await readMarks()).toEqual(["Saturday", "always", "always", "at five past", "at noon"]);
});

test("a job runs as the role that scheduled it, and the run is noted", async () => {
  await schedule("mark", "* * * * *", "insert into public.marks values ('a'), ('b')");
  await runner.runMinute(noon);
  expect(await sql`select distinct role from public.marks`).toEqual([{ role: "postgres" }]);
  const [run] = await sql`
    select r.database, r.username, r.command, r.status, r.return_message, r.job_pid > 0 as has_process,
      r.end_time >= r.start_time as has_times
    from cron.job_run_details r join cron.job j using (jobid) where j.jobname = 'mark'`;
  expect(run).toEqual({
    database: "postgres",
    username: "postgres",
    command: "insert into public.marks values ('a'), ('b')",
    status: "succeeded",
    return_message: "INSERT 2",
    has_process: true,
    has_times: true,
  });
  expect(reported).toEqual([]);
});

test("a job that fails is noted and reported, changes nothing, and the others and the next minute are run", async () => {
  await schedule("first", "* * * * *", "insert into public.marks values ('half'); select 1 / 0");
  await schedule("second", "* * * * *", "insert into public.marks values ('second')");
  await runner.runMinute(noon);
  await runner.runMinute(new Date("2026-11-28T12:01:00Z"));
  expect(await readMarks()).toEqual(["second", "second"]);
  const failed = { name: "first", status: "failed", return_message: "ERROR: division by zero" };
  const succeeded = { name: "second", status: "succeeded", return_message: "INSERT 1" };
  expect(await readRuns()).toEqual([failed, failed, succeeded, succeeded]);
  expect(reported).toEqual(Array(2).fill("first failed: ERROR: division by zero"));
});

test("a schedule that cannot be read is reported and keeps no other job from running", async () => {
  await schedule("unreadable", "* * * * 99", "select 1");
  await schedule("mark", "* * * * *", "insert into public.marks values ('mark')");
  await runner.runMinute(noon);
  expect(await readMarks()).toEqual(["mark"]);
  expect(reported).toEqual([expect.stringMatching(/^unreadable: /)]);
});

test("a job that is scheduled again is changed, one that is unscheduled is run no more", async () => {
  await schedule("mark", "* * * * *", "insert into public.marks values ('before')");
  await schedule("mark", "* * * * *", "insert into public.marks values ('after')");
  await runner.runMinute(noon);
  expect(await readMarks()).toEqual(["after"]);
  await sql`select cron.unschedule('mark')`;
  await runner.runMinute(noon);
  expect(await readMarks()).toEqual(["after"]);
  await expect(sql`select cron.unschedule('mark')`).rejects.toThrow(
    "could not find valid entry for job 'mark'",
  );
});

test("a job that is still running is not run beside itself", async () => {
  const lock = await sql.reserve();
  await lock`select pg_advisory_lock(1)`;
  await schedule("slow", "* * * * *", "select pg_advisory_lock(1); insert into public.marks values ('slow')");
  const first = runner.runMinute(noon);
  await eventually(async () => (await readRuns()).find(({ status }) => status === "running"));
  await runner.runMinute(new Date("2026-11-28T12:01:00Z"));
  await lock`select pg_advisory_unlock(1)`;
  lock.release();
  await first;
  expect(await readMarks()).toEqual(["slow"]);
  expect(reported).toEqual(["slow is still running and is left out this minute"]);
});

test("a request that a job queues is sent with its headers and its answer kept", async () => {
  const received: unknown[] = [];
  const url = await startServer((request, response) => {
    request.setEncoding("utf8").on("data", (body: string) => {
      const { method, url: path, headers } = request;
      received.push([method, path, headers.authorization, headers["content-type"], JSON.parse(body)]);
      response.writeHead(202, { "content-type": "text/plain" }).end("queued");
    });
  });
  await schedule(
    "post",
    "* * * * *",
    `select net.http_post('${url}/jobs', '{"a": 1}', '{"q": "x y"}', '{"Authorization": "Bearer secret"}')`,
  );
  await runner.runMinute(noon);
  expect(received).toEqual([["POST", "/jobs?q=x%20y", "Bearer secret", "application/json", { a: 1 }]]);
  expect(await sql`select * from net.http_request_queue`).toEqual([]);
  const [answer] = await sql`
    select status_code, content_type, headers ->> 'content-type' as header, content, timed_out, error_msg
    from net._http_response`;
  expect(answer).toEqual({
    status_code: 202,
    content_type: "text/plain",
    header: "text/plain",
    content: "queued",
    timed_out: false,
    error_msg: null,
  });
});

test("a request that gets no answer in its time, or none at all, is noted as such", async () => {
  const silent = await startServer(() => {});
  const port = await freePort();
  await sql`select net.http_post(${silent}, timeout_milliseconds => 20), net.http_post(${`http://127.0.0.1:${port}`})`;
  await runner.runMinute(noon);
  expect(await sql`select status_code, timed_out, error_msg from net._http_response order by id`).toEqual([
    { status_code: null, timed_out: true, error_msg: expect.stringContaining("timeout") },
    { status_code: null, timed_out: false, error_msg: expect.stringContaining("ECONNREFUSED") },
  ]);
  expect(reported).toEqual([]);
});

test("stopping ends jobs and requests that are under way, and no session is left", async () => {
  let isAsked = false;
  const silent = await startServer(() => (isAsked = true));
  await schedule("endless", "* * * * *", "select pg_sleep(3600)");
  await sql`select net.http_post(${silent}, timeout_milliseconds => 3600000)`;
  const minute = runner.runMinute(noon);
  await eventually(async () => {
    const [sleeping] =
      await sql`select from pg_stat_activity where query = 'select pg_sleep(3600)' and state = 'active'`;
    return isAsked ? sleeping : undefined;
  });
  await runner.stop();
  await minute;
  // A session that is closed takes a moment to go.
  await eventually(async () => {
    const sessions = await sql`
      select from pg_stat_activity
      where backend_type = 'client backend' and (usename = 'supabase_admin' or application_name = 'pg_cron')`;
    return sessions.length === 0 || undefined;
  });
  expect(await readRuns()).toMatchObject([{ name: "endless", status: "failed" }]);
  await runner.runMinute(noon);
  expect(await readRuns()).toHaveLength(1);
});

test("a run that a killed stack left behind is noted as failed by the next one", async () => {
  await sql`insert into cron.job_run_details (jobid, username, status, start_time) values (1, 'postgres', 'running', now())`;
  await (await createJobRunner({ urlFor: database.urlFor, report: () => {} })).stop();
  const [run] =
    await sql`select status, return_message, end_time is not null as has_end from cron.job_run_details`;
  expect(run).toEqual({ status: "failed", return_message: "interrupted", has_end: true });
});

test("a minute without a database is reported, and the next one with it is run", async () => {
  await schedule("mark", "* * * * *", "insert into public.marks values ('back')");
  await database.restart(() => runner.runMinute(noon));
  expect(reported).toEqual([expect.stringMatching(/CONN/)]);
  await runner.runMinute(new Date("2026-11-28T12:01:00Z"));
  expect(await readMarks()).toEqual(["back"]);
});

test("the runner stops also when the database is away", async () => {
  await database.restart(() => runner.stop());
});
