import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { packageFile, projectRoot } from "./project.ts";
import { runSupabaseCli } from "./supabase-cli.ts";

/** Where the types of the database's public schema are kept. */
export const databaseTypesFile = join(projectRoot, "shared", "database", "database.types.ts");

/** The TypeScript types of a database's public schema, as the Supabase CLI makes them, in the format of this project. */
export async function makeDatabaseTypes(databaseUrl: string): Promise<string> {
  return format(await runSupabaseCli(databaseUrl, ["gen", "types", "--lang=typescript", "--schema=public"]));
}

async function format(source: string): Promise<string> {
  const biome = spawn(
    process.execPath,
    [
      packageFile("@biomejs", "biome", "bin", "biome"),
      "format",
      `--stdin-file-path=${databaseTypesFile}`,
      "--colors=off",
    ],
    { cwd: projectRoot, stdio: ["pipe", "pipe", "pipe"] },
  );
  biome.stdin.end(source);
  const [formatted, complaint] = await Promise.all([
    text(biome.stdout),
    text(biome.stderr),
    once(biome, "close"),
  ]);
  if (biome.exitCode !== 0) throw new Error(`The generated types cannot be formatted: ${complaint}`);
  return formatted;
}
