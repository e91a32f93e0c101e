import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, startChild, waitUntilReady } from "../../local/child-process.ts";
import { packagedPostgres } from "../../local/postgres-server.ts";
import { postgresUser } from "../../local/postgres-user.ts";
import { openDatabase } from "./open-database.ts";

interface StackPostgres {
  /** The stack's. */
  directory: string;
  dbUrl: string;
}

/** Stops the Postgres of a stack under its other parts, and starts it again. To be stopped before the stack is. */
export function takeOverPostgres({ directory, dbUrl }: StackPostgres) {
  const data = join(directory, "postgres");
  let own: Child | null = null;

  /** At once, as when its machine is lost. */
  async function crash(): Promise<void> {
    const pid = own?.pid ?? readPid(directory);
    process.kill(pid, "SIGQUIT");
    while (isAlive(pid)) await delay(20);
  }

  return {
    crash,

    /** @param isStandby whether it takes nothing but reads until it is promoted */
    async start({ isStandby }: { isStandby: boolean }): Promise<void> {
      const program = packagedPostgres.findProgram("postgres");
      const settings = [
        "listen_addresses=127.0.0.1",
        `port=${new URL(dbUrl).port}`,
        "unix_socket_directories=",
      ];
      if (isStandby) {
        const signal = join(data, "standby.signal");
        const { uid, gid } = statSync(data);
        writeFileSync(signal, "");
        chownSync(signal, uid, gid);
      }
      own = await startChild({
        name: "Postgres",
        ...postgresUser(program, directory).run(program, [
          "-D",
          data,
          ...settings.flatMap((each) => ["-c", each]),
        ]),
        env: {},
        logFile: join(directory, "logs", "postgres.log"),
        stopSignal: "SIGINT",
      });
      const sql = openDatabase(dbUrl);
      await waitUntilReady(own, () => sql`select 1`, 30_000);
      await sql.end();
    },

    async stop(): Promise<void> {
      await own?.stop();
    },
  };
}

function readPid(directory: string): number {
  const file = readFileSync(join(directory, "processes.json"), "utf8");
  const processes = JSON.parse(file) as { name: string; pid: number }[];
  return processes.find(({ name }) => name === "Postgres")?.pid as number;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
