import postgres from "postgres";
import { createCronJobs } from "./cron-jobs.ts";
import { everyMinute } from "./every-minute.ts";
import { sendRequests } from "./http-requests.ts";

export interface JobRunnerOptions {
  /** The database's address for a role, with its password. */
  urlFor: (role: string) => string;
  /** Told of what fails. */
  report: (line: string) => void;
}

export interface JobRunner {
  /**
   * Runs the jobs that are due in the minute that begins then, sends what they and others have queued to be sent, and returns when all of
   * it is done. What fails is reported.
   */
  runMinute(minute: Date): Promise<void>;
  /** Ends what is running. */
  stop(): Promise<void>;
}

/**
 * Makes what runs the schedules of a database without pg_cron and pg_net, on command: `cron.job` and `net.http_request_queue` are
 * its orders. Throws when the database does not answer.
 */
export async function createJobRunner({ urlFor, report }: JobRunnerOptions): Promise<JobRunner> {
  const sql = postgres(urlFor("supabase_admin"), { max: 4, onnotice: () => {} });
  const jobs = createCronJobs({ sql, urlFor, report });
  const ending = new AbortController();
  const underWay = new Set<Promise<void>>();
  // Of those that were running when an earlier stack was killed.
  await sql`
    update cron.job_run_details set status = 'failed', return_message = 'interrupted', end_time = now()
    where status = 'running' and not exists (select from pg_extension where extname = 'pg_cron')`;
  return { runMinute, stop };

  async function runMinute(minute: Date): Promise<void> {
    await attempt(async () => {
      const due = await jobs.findDue(minute);
      await Promise.all([attempt(send), ...due.map((job) => attempt(() => jobs.run(job).then(send)))]);
    });
  }

  async function send(): Promise<void> {
    if (!ending.signal.aborted) await sendRequests(sql, ending.signal);
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    if (ending.signal.aborted) return;
    const attempted = work().catch((error: unknown) => {
      if (!ending.signal.aborted) report(error instanceof Error ? error.message : String(error));
    });
    underWay.add(attempted);
    await attempted;
    underWay.delete(attempted);
  }

  async function stop(): Promise<void> {
    ending.abort();
    // The database may be stopping too, and has then ended them itself.
    await jobs.endSessions().catch(() => {});
    await Promise.all(underWay);
    // Nothing is under way any more; sessions that a stopping database has ended would be waited for.
    await sql.end({ timeout: 0 });
  }
}

/** Runs the schedules of a database, each minute on the minute, until it is stopped. Throws when the database does not answer. */
export async function startJobRunner(options: JobRunnerOptions): Promise<{ stop(): Promise<void> }> {
  const runner = await createJobRunner(options);
  const ending = new AbortController();
  const ended = everyMinute((minute) => void runner.runMinute(minute), ending.signal);
  return {
    async stop() {
      ending.abort();
      await ended;
      await runner.stop();
    },
  };
}
