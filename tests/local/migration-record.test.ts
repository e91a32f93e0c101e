import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkMigrations } from "../../local/migration-record.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-migrations-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function makeDatabase(): string {
  checkMigrations(directory).remember();
  mkdirSync(join(directory, "postgres"));
  return join(directory, "migrations.json");
}

test("a database that was made with the migrations as they are starts again, with new ones too", () => {
  const file = makeDatabase();
  const [first, ...rest] = Object.entries(JSON.parse(readFileSync(file, "utf8")));
  expect(first).toBeDefined();
  writeFileSync(file, JSON.stringify(Object.fromEntries(rest)));
  checkMigrations(directory);
});

test("a migration that has changed since it was applied is named, with the way out", () => {
  const file = makeDatabase();
  const record = JSON.parse(readFileSync(file, "utf8"));
  const [name] = Object.keys(record);
  writeFileSync(file, JSON.stringify({ ...record, [String(name)]: "another" }));
  expect(() => checkMigrations(directory)).toThrow(`(${name}): start with --reset`);
});

test("a database of which nobody knows how it was made is not used", () => {
  rmSync(makeDatabase());
  expect(() => checkMigrations(directory)).toThrow("start with --reset");
});
