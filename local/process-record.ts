import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readStartMark } from "./start-mark.ts";

interface RecordedProcess {
  pid: number;
  /** What `readStartMark` said of it. */
  startMark: string;
  name: string;
  stopSignal: NodeJS.Signals;
}

/** The processes of one stack, on file, so that what a killed supervisor left behind can be found and ended. */
export interface ProcessRecord {
  add(process: { pid: number; name: string; stopSignal: NodeJS.Signals }): void;
  remove(pid: number): void;
  /** Gives the directory free for the next stack. */
  release(): void;
}

const stopTimeoutMs = 10_000;
const pollIntervalMs = 20;

/**
 * Claims a directory for this process. Processes that an earlier, killed supervisor left running are ended first. Throws when
 * the supervisor of another stack in this directory is alive.
 */
export async function claimDirectory(directory: string): Promise<ProcessRecord> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "processes.json");
  const draft = `${file}.${process.pid}`;
  const recorded = [describe({ pid: process.pid, name: "supervisor", stopSignal: "SIGTERM" })];
  const save = () => writeFileSync(draft, JSON.stringify(recorded, null, 2), { mode: 0o600 });

  for (;;) {
    save();
    try {
      // A link appears with its whole content or not at all, and never replaces a file: one of two starts wins.
      linkSync(draft, file);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft);
    }
    const [supervisor, ...leftovers] = readRecord(file);
    if (supervisor && isSameProcess(supervisor))
      throw new Error(
        `A stack already runs in ${directory} (process ${supervisor.pid}). Stop it first: kill ${supervisor.pid}`,
      );
    await Promise.all(leftovers.map(endProcess));
    rmSync(file, { force: true });
  }

  const replace = () => {
    save();
    renameSync(draft, file);
  };
  return {
    add(process) {
      recorded.push(describe(process));
      replace();
    },
    remove(pid) {
      const index = recorded.findIndex((each) => each.pid === pid);
      if (index < 0) return;
      recorded.splice(index, 1);
      replace();
    },
    release() {
      // A process that ends later finds nothing to remove, and does not bring the file back.
      recorded.length = 0;
      rmSync(file, { force: true });
    },
  };
}

function describe(process: { pid: number; name: string; stopSignal: NodeJS.Signals }): RecordedProcess {
  const { pid, name, stopSignal } = process;
  return { pid, startMark: readStartMark(pid) ?? "", name, stopSignal };
}

function readRecord(file: string): RecordedProcess[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RecordedProcess[];
  } catch {
    // Another start has just removed it.
    return [];
  }
}

async function endProcess(leftover: RecordedProcess): Promise<void> {
  const deadline = Date.now() + stopTimeoutMs;
  if (isSameProcess(leftover)) process.kill(leftover.pid, leftover.stopSignal);
  while (isSameProcess(leftover)) {
    if (Date.now() > deadline) process.kill(leftover.pid, "SIGKILL");
    await delay(pollIntervalMs);
  }
}

function isSameProcess({ pid, startMark: mark }: RecordedProcess): boolean {
  return mark !== "" && readStartMark(pid) === mark;
}
