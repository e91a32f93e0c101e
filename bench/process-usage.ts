import { readFileSync } from "node:fs";

export interface Memory {
  /** Resident, in bytes; NaN where the system has no /proc. */
  startBytes: number;
  peakBytes: number;
  endBytes: number;
}

/** Linux reports times in hundredths of a second, whatever the kernel's own tick is (proc(5), sysconf(3) _SC_CLK_TCK). */
const tickMs = 10;
const sampleIntervalMs = 25;

/** The processor time that a process has taken so far, all threads, in milliseconds; NaN where the system has no /proc. */
export function readCpuMs(pid: number): number {
  return parseCpuMs(readProc(pid, "stat"));
}

/** Watches how much memory a process has, until `stop`, which returns what was seen. */
export function watchMemory(pid: number): { stop(): Memory } {
  const read = () => parseResidentBytes(readProc(pid, "status"));
  const startBytes = read();
  let peakBytes = startBytes;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, read());
  }, sampleIntervalMs);
  return {
    stop() {
      clearInterval(timer);
      const endBytes = read();
      return { startBytes, peakBytes: Math.max(peakBytes, endBytes), endBytes };
    },
  };
}

/** User and system time of /proc/<pid>/stat, in milliseconds. The name of the program, in brackets, may hold anything. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // The 14th and 15th of all; the 3rd is the first behind the name.
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** VmRSS of /proc/<pid>/status, in bytes. */
export function parseResidentBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
}
