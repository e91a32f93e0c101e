import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadKeys } from "../../local/keys.ts";

let directory: string;
const file = () => join(directory, "keys.json");

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-keys-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("the keys of a stack are made once, are for its owner's eyes alone, and stay", async () => {
  const keys = await loadKeys(directory);
  expect(Object.values(keys).filter((key) => typeof key === "string" && key.length < 32)).toEqual([]);
  expect(statSync(file()).mode & 0o077).toBe(0);
  expect(await loadKeys(directory)).toEqual(keys);
});

test("keys from before the jobs had a secret get one, and the others stay", async () => {
  const { jobSecret: _, ...before } = await loadKeys(directory);
  writeFileSync(file(), JSON.stringify(before));
  const keys = await loadKeys(directory);
  expect(keys).toEqual({ ...before, jobSecret: expect.stringMatching(/^[\w-]{43}$/) });
  expect(JSON.parse(readFileSync(file(), "utf8"))).toEqual(keys);
});
