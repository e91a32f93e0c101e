import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimDirectory } from "../../local/process-record.ts";

interface Entry {
  pid: number;
  startMark: string;
}

let directory: string;
let file: string;
let child: ChildProcess;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-record-"));
  file = join(directory, "processes.json");
  child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (child.stdout) await once(child.stdout, "data");
});

afterEach(async () => {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(directory, { recursive: true, force: true });
});

/** A record of this process as supervisor and the child, as `change` leaves it. */
async function leaveRecord(change: (supervisor: Entry, child: Entry) => void): Promise<void> {
  const record = await claimDirectory(directory);
  record.add({ pid: child.pid as number, name: "child", stopSignal: "SIGTERM" });
  const [supervisor, recorded] = JSON.parse(readFileSync(file, "utf8")) as [Entry, Entry];
  change(supervisor, recorded);
  writeFileSync(file, JSON.stringify([supervisor, recorded]));
}

test("a directory whose supervisor is alive is refused, and its processes are left alone", async () => {
  await leaveRecord(() => {});
  await expect(claimDirectory(directory)).rejects.toThrow(
    `A stack already runs in ${directory} (process ${process.pid})`,
  );
  expect(child.signalCode).toBeNull();
});

test("what a killed supervisor left running is ended by the next one", async () => {
  await leaveRecord((supervisor) => {
    supervisor.startMark = "gone";
  });
  const ended = once(child, "exit");
  await claimDirectory(directory);
  expect(await ended).toEqual([null, "SIGTERM"]);
});

test("a process that only has the id of one that was left behind is not touched", async () => {
  await leaveRecord((supervisor, recorded) => {
    supervisor.startMark = "gone";
    recorded.startMark = "another start";
  });
  const record = await claimDirectory(directory);
  expect(child.exitCode).toBeNull();
  expect(child.signalCode).toBeNull();
  record.release();
  expect(existsSync(file)).toBe(false);
});
