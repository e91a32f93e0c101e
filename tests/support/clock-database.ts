import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, inject } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { type Database, openDatabase } from "./open-database.ts";

export interface ClockDatabase {
  /** Connected as its owner, by one session: so many statements in a row see the same clock. */
  sql: Database;
  /** Sets the clock, in milliseconds since 1970 or as a date with time and zone. It stands still until it is set again. */
  setClock(at: number | string): Promise<void>;
}

/**
 * Gives the tests of one file a database of their own in the stack's server, with all migrations and no seeds, whose clock they set:
 * every `now()` of the migrations reads it. Limits of the project and jobs disturb nobody there. Until it is set, the clock is the real one.
 */
export function connectClockDatabase(): ClockDatabase {
  const { dbUrl } = inject("stack");
  const name = `clock_${randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const url = new URL(dbUrl);
  url.pathname = `/${name}`;
  const sql = openDatabase(url.href, { max: 1 });

  beforeAll(async () => {
    // As what the server runs as `postgres`, who may make databases; a template that nobody can be connected to.
    await withSession(dbUrl, (session) => session.unsafe(`create database ${name} template template0`));
    await withSession(url.href, (session) =>
      session.unsafe([...readPlatform(name), ...readMigrations()].join("\n")),
    );
  });
  afterAll(async () => {
    await sql.end({ timeout: 5 });
    await withSession(dbUrl, (session) => session.unsafe(`drop database ${name} with (force)`));
  });

  return {
    sql,
    async setClock(at) {
      const time = new Date(at).toISOString();
      await sql`select set_config('test.now', ${time}, false)`;
    },
  };
}

async function withSession(url: string, use: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** What Supabase's image has in a database, but for roles, which the server has already: all of it belongs to `postgres` here. */
function readPlatform(database: string): string[] {
  const [, schemas] = readLocal("platform.sql").split(/^(?=-- Database and schemas -)/m);
  if (schemas === undefined) throw new Error("platform.sql has no chapter on schemas.");
  return [
    schemas
      .replace(
        /^(?:alter role|alter database postgres owner|alter schema public owner|(?:re)?set role\b).*$/gm,
        "",
      )
      .replaceAll(" authorization supabase_auth_admin", "")
      .replaceAll("alter database postgres", `alter database ${database}`),
    ...["pg-cron", "pg-net", "vault"].map((extension) => readLocal(`extensions/${extension}-stand-in.sql`)),
  ];
}

/** The migrations, in their order, with the clock of the tests in the place of the real one. */
function readMigrations(): string[] {
  const directory = join(projectRoot, "supabase", "migrations");
  return [
    `create schema test_clock;
    create function test_clock.now() returns timestamptz language sql stable
    return coalesce(nullif(current_setting('test.now', true), '')::timestamptz, pg_catalog.now());
    grant usage on schema test_clock to public;`,
    ...readdirSync(directory)
      .filter((file) => file.endsWith(".sql"))
      .toSorted()
      .map((file) => readFileSync(join(directory, file), "utf8").replace(/\bnow\(\)/g, "test_clock.now()")),
  ];
}

function readLocal(file: string): string {
  return readFileSync(join(projectRoot, "local", file), "utf8");
}
