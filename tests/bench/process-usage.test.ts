import { expect, test } from "vitest";
import { parseCpuMs, parseResidentBytes } from "../../bench/process-usage.ts";

test("processor time is that of user and system together, whatever the program calls itself", () => {
  const behindName = "S 1 7 7 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 8 0 4711 123456789 2048";
  expect(parseCpuMs(`7 (a) b (c) ${behindName}`)).toBe(3000);
  expect(parseCpuMs(`7 (deno) ${behindName}`)).toBe(3000);
});

test("memory is what is resident", () => {
  expect(parseResidentBytes("Name:\tdeno\nVmHWM:\t  9000 kB\nVmRSS:\t  2048 kB\nThreads:\t8\n")).toBe(
    2 ** 21,
  );
});

test("where the system tells nothing, nothing is taken for zero", () => {
  expect(parseCpuMs("")).toBeNaN();
  expect(parseResidentBytes("")).toBeNaN();
});
