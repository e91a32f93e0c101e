import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Child, StartChild } from "./child-process.ts";
import { startDeno } from "./deno.ts";
import { freePort } from "./ports.ts";
import { projectRoot } from "./project.ts";

export interface FunctionOptions {
  /** All that the function sees of the environment: see `functionEnvironment`. */
  env: Record<string, string>;
  /** Any free one unless given. */
  port?: number;
  logFile: string;
  onLine?: ((line: string) => void) | undefined;
  /** Starts the process; `startChild` unless the caller keeps a record of it. */
  start?: StartChild;
}

export type RunningFunction = Child & { url: string };

const folder = join(projectRoot, "supabase", "functions");

/** The functions of the project: the folders of supabase/functions that have an index.ts. */
export function listFunctions(): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "index.ts")))
    .sort();
}

/**
 * Starts one function in a process of its own on 127.0.0.1, and returns when it takes requests: at `url`, which ends in the
 * function's name.
 */
export async function startFunction(name: string, options: FunctionOptions): Promise<RunningFunction> {
  const { port = await freePort(), ...rest } = options;
  const child = await startDeno({ ...rest, name, port, entry: join(folder, name, "index.ts") });
  return { ...child, url: `http://127.0.0.1:${port}/${name}` };
}
