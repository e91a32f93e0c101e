import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { projectRoot } from "../../local/project.ts";

export interface Given {
  /** What is piped to it. */
  input?: string;
  /** BYOK_KEYS in its environment: empty, which counts as none, where not given; not there at all where null. */
  byokKeys?: string | null;
  /** BYOK_FINGERPRINT_KEY in its environment; empty where not given. */
  fingerprintKey?: string;
  /** DATABASE_URL in its environment; empty, so that it is not taken from a developer's .env, where not given. */
  databaseUrl?: string;
  /** Where the project is. */
  folder?: string;
}

export interface Ended {
  stdout: string;
  stderr: string;
  /** Null where a signal has killed it. */
  code: number | null;
}

export interface RunningKeys {
  kill(signal: NodeJS.Signals): void;
  /** Calls back for each line that it writes to stderr from now on. */
  onLine(take: (line: string) => void): void;
  ended: Promise<Ended>;
}

/** Starts the command as `npm run keys` does; it is killed with the test. */
export function startKeys(
  parameters: string[],
  { input = "", byokKeys = "", fingerprintKey = "", databaseUrl = "", folder = projectRoot }: Given = {},
): RunningKeys {
  const child = spawn(process.execPath, [join(folder, "operations", "keys.ts"), ...parameters], {
    env: {
      ...process.env,
      BYOK_KEYS: byokKeys ?? undefined,
      BYOK_FINGERPRINT_KEY: fingerprintKey,
      DATABASE_URL: databaseUrl,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  // One that refuses at once does not read what it is given.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = createInterface({ input: child.stderr });
  const ended = Promise.all([text(child.stdout), text(child.stderr), closed]);
  return {
    kill: (signal) => void child.kill(signal),
    onLine: (take) => void lines.on("line", take),
    ended: ended.then(([stdout, stderr, code]) => ({ stdout, stderr, code })),
  };
}

/** Runs the command to its end. */
export function runKeys(parameters: string[], given?: Given): Promise<Ended> {
  return startKeys(parameters, given).ended;
}

/** Resolves with the first line from now on that is like this; rejects where it ends without. */
export function waitForLine({ onLine, ended }: RunningKeys, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    onLine((line) => void (pattern.test(line) && resolve(line)));
    void ended.then(({ stderr }) => reject(new Error(`It ended without ${pattern}:\n${stderr}`)));
  });
}
