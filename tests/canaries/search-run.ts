import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "../support/open-database.ts";
import type { Finding, Search } from "./secret-search.ts";

/** Searches all files of a folder. */
export async function searchFolder(folder: string, beginSearch: () => Search): Promise<Finding[]> {
  const files = await readdir(folder);
  const findings = files.map((name) =>
    searchStream(name, createReadStream(join(folder, name)), beginSearch()),
  );
  return (await Promise.all(findings)).flat();
}

/** Searches every column of every table that is not Postgres's own. `databaseUrl` is that of a superuser, whom no policy stops. */
export async function searchDatabase(databaseUrl: string, beginSearch: () => Search): Promise<Finding[]> {
  const sql = openDatabase(databaseUrl, { max: 1 });
  try {
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', n.nspname, c.relname) as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;
    const findings: Finding[] = [];
    for (const { name } of tables) {
      const rows = sql
        .unsafe<{ row: string }[]>(`select t::text || chr(10) as row from ${name} t`)
        .cursor(1000);
      findings.push(...(await searchStream(name, bytesOf(rows), beginSearch())));
    }
    return findings;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function* bytesOf(batches: AsyncIterable<{ row: string }[]>): AsyncIterable<Uint8Array> {
  for await (const batch of batches) yield Buffer.from(batch.map(({ row }) => row).join(""));
}

async function searchStream(
  place: string,
  stream: AsyncIterable<Uint8Array>,
  search: Search,
): Promise<Finding[]> {
  for await (const chunk of stream) search.add(chunk);
  return [...search.found].map((slot) => ({ place, slot }));
}
