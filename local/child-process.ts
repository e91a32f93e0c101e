import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

export interface ChildOptions {
  /** What messages call it. */
  name: string;
  command: string;
  args: string[];
  /** Its whole environment: nothing is inherited. */
  env: Record<string, string>;
  cwd?: string;
  /** Its standard output and error are added to this file. */
  logFile: string;
  /** Also called with each line that goes to the log. */
  onLine?: ((line: string) => void) | undefined;
  /** Asks it to end; SIGTERM unless it needs another. */
  stopSignal?: NodeJS.Signals;
}

export interface Child {
  name: string;
  pid: number;
  stopSignal: NodeJS.Signals;
  /** Settles when it has ended, with how: "exit code 1", "SIGKILL". */
  exited: Promise<string>;
  isRunning(): boolean;
  /** The last lines of its log, for an error message. */
  logTail(): string;
  /** Asks it to end, makes it end when it has not within ten seconds, and returns when it has. */
  stop(): Promise<void>;
}

export type StartChild = (options: ChildOptions) => Promise<Child>;

const stopTimeoutMs = 10_000;
const pollIntervalMs = 20;

// An unexpected end of this process must not leave its children behind.
const endings = new Set<() => void>();
process.on("exit", () => {
  for (const end of endings) end();
});

/**
 * Starts a program in a process group of its own, so that a Ctrl-C in the terminal reaches this process alone, which then
 * ends its children in order. Throws when the program cannot be started.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, env, cwd, logFile, onLine, stopSignal = "SIGTERM" } = options;
  const log = openSync(logFile, "a", 0o600);
  // Without a listener the child writes to the file itself: no work here under load.
  const output = onLine ? "pipe" : log;
  const child = spawn(command, args, { env, cwd, detached: true, stdio: ["ignore", output, output] });
  const endWithUs = () => child.kill(stopSignal);
  endings.add(endWithUs);
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  }).finally(() => {
    endings.delete(endWithUs);
    closeSync(log);
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream || !onLine) continue;
    createInterface({ input: stream }).on("line", (line) => {
      writeSync(log, `${line}\n`);
      onLine(line);
    });
  }
  try {
    await once(child, "spawn");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name} cannot be started: ${reason}.`);
  }
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid as number,
    stopSignal,
    exited,
    isRunning,
    logTail: () => readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-15).join("\n"),
    async stop() {
      if (isRunning()) child.kill(stopSignal);
      const force = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
      await exited;
      clearTimeout(force);
    },
  };
}

/** Runs a program to its end. Throws with the end of its output when it fails. */
export async function runToEnd(start: StartChild, options: ChildOptions): Promise<void> {
  const child = await start(options);
  const how = await child.exited;
  if (how !== "exit code 0") throw new Error(`${child.name} failed (${how}):\n${child.logTail()}`);
}

/**
 * Calls `probe` until it succeeds. Throws, with the end of the child's log, as soon as the child has ended or when
 * `timeoutMs` have passed.
 */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const ended = child.exited.then((how) => {
    throw new Error(`${child.name} ended (${how}) before it was ready:\n${child.logTail()}`);
  });
  ended.catch(() => {});
  for (;;) {
    try {
      await Promise.race([probe(), ended]);
      return;
    } catch (error) {
      if (!child.isRunning()) await ended;
      if (Date.now() > deadline)
        throw new Error(
          `${child.name} was not ready within ${timeoutMs / 1000} s (${error}):\n${child.logTail()}`,
        );
    }
    await delay(pollIntervalMs);
  }
}
