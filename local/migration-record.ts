import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./project.ts";

const folder = join(projectRoot, "supabase", "migrations");

type Digests = Record<string, string>;

/**
 * Throws when a migration that the data of `directory` were made with has changed since: the CLI applies new files and does not look at
 * old ones again. Call it before the database starts; `remember` afterwards, when all are applied.
 */
export function checkMigrations(directory: string): { remember(): void } {
  const file = join(directory, "migrations.json");
  const now = digestMigrations();
  const hasData = existsSync(join(directory, "postgres"));
  if (hasData) {
    const before: Digests = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    const [changed] = Object.keys(before).length === 0 ? ["which is unknown"] : findChanged(before, now);
    if (changed !== undefined)
      throw new Error(
        `The database was made with another version of a migration (${changed}): start with --reset to begin with an empty one.`,
      );
  } else rmSync(file, { force: true });
  return { remember: () => writeFileSync(file, JSON.stringify(now)) };
}

function findChanged(before: Digests, now: Digests): string[] {
  return Object.keys(before).filter((name) => before[name] !== now[name]);
}

function digestMigrations(): Digests {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}
