import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * When a running process was started: with its id, that tells it from any later process which got the same id. Undefined for
 * one that has ended.
 */
export function readStartMark(pid: number): string | undefined {
  if (process.platform !== "linux") {
    const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    return stdout.trim() || undefined;
  }
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The program's name, in parentheses, may hold spaces; the fields after it do not.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ");
    // Fields 3 (state) and 22 (start, in clock ticks since boot) of proc(5). A zombie has ended.
    return fields[0] === "Z" ? undefined : `${boot} ${fields[19]}`;
  } catch {
    return undefined;
  }
}
