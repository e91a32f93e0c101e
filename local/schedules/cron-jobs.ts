import { Cron } from "croner";
import postgres, { type Sql } from "postgres";

/** A row of `cron.job`. */
export interface CronJob {
  jobid: string;
  jobname: string | null;
  schedule: string;
  command: string;
  username: string;
}

export interface CronJobs {
  /** The jobs that are due in the minute that begins then, in UTC. None where pg_cron itself runs them. */
  findDue(minute: Date): Promise<CronJob[]>;
  /** Runs a job as its user, unless it is running still, and notes the run. A job that fails is noted and reported. */
  run(job: CronJob): Promise<void>;
  /** Ends the sessions of the jobs that are running. */
  endSessions(): Promise<void>;
}

/**
 * Does what pg_cron does, with the rows of `cron.job`. `sql` may write the schema `cron`; `urlFor` has the database's address for a
 * role; `report` is told of what fails.
 */
export function createCronJobs(options: {
  sql: Sql;
  urlFor: (role: string) => string;
  report: (line: string) => void;
}): CronJobs {
  const { sql, urlFor, report } = options;
  /** By job, the process of its session, as soon as it has one. */
  const running = new Map<string, number | undefined>();
  let isEnding = false;
  return { findDue, run, endSessions };

  async function findDue(minute: Date): Promise<CronJob[]> {
    const jobs = await sql<CronJob[]>`
      select jobid, jobname, schedule, command, username from cron.job
      where active and database = current_database()
        and not exists (select from pg_extension where extname = 'pg_cron')
      order by jobid`;
    return jobs.filter((job) => {
      try {
        return new Cron(job.schedule, { timezone: "UTC", mode: "5-part" }).match(minute);
      } catch (error) {
        report(`${nameOf(job)}: ${error instanceof Error ? error.message : error}`);
        return false;
      }
    });
  }

  async function run(job: CronJob): Promise<void> {
    if (running.has(job.jobid)) return report(`${nameOf(job)} is still running and is left out this minute`);
    running.set(job.jobid, undefined);
    try {
      const [noted] = await sql<{ runid: string }[]>`
        insert into cron.job_run_details (jobid, database, username, command, status, start_time)
        values (${job.jobid}, current_database(), ${job.username}, ${job.command}, 'running', now())
        returning runid`;
      const runId = noted?.runid as string;
      const { status, message } = await runCommand(job, runId).then(
        (tag) => ({ status: "succeeded", message: tag }),
        (error: unknown) => ({
          status: "failed",
          message: `ERROR: ${error instanceof Error ? error.message : error}`,
        }),
      );
      if (status === "failed" && !isEnding) report(`${nameOf(job)} failed: ${message}`);
      await sql`
        update cron.job_run_details set status = ${status}, return_message = ${message}, end_time = now()
        where runid = ${runId}`;
    } finally {
      running.delete(job.jobid);
    }
  }

  /** Returns the tag of the last statement, such as `SELECT 1`. Throws what the database says of one that fails. */
  async function runCommand(job: CronJob, runId: string): Promise<string> {
    const session = postgres(urlFor(job.username), {
      max: 1,
      connection: { application_name: "pg_cron" },
      onnotice: () => {},
    });
    try {
      const [self] = await session<{ pid: number }[]>`select pg_backend_pid() as pid`;
      const pid = self?.pid as number;
      running.set(job.jobid, pid);
      await sql`update cron.job_run_details set job_pid = ${pid} where runid = ${runId}`;
      if (isEnding) throw new Error("stopped before it began");
      const results = await session.unsafe(job.command);
      // Of several statements there is a list of results.
      const last = results.command === undefined ? results.at(-1) : results;
      return `${last?.command ?? ""} ${last?.count ?? ""}`.trim();
    } finally {
      // Nothing of it is awaited any more; on a session that was ended for it, a longer timeout would be waited for in full.
      await session.end({ timeout: 0 });
    }
  }

  async function endSessions(): Promise<void> {
    isEnding = true;
    const pids = [...running.values()].filter((pid) => pid !== undefined);
    await sql`select pg_terminate_backend(pid) from unnest(${pids}::integer[]) pid`;
  }
}

function nameOf({ jobid, jobname }: CronJob): string {
  return jobname ?? `job ${jobid}`;
}
