import { join } from "node:path";
import type { Child } from "../local/child-process.ts";
import { startDeno } from "../local/deno.ts";
import { freePort } from "../local/ports.ts";

/** Starts the pass-through proxy on Deno, as functions are started, and returns when it takes requests. `env` names the provider. */
export async function startPassThrough(
  env: Record<string, string>,
  directory: string,
): Promise<Child & { port: number }> {
  const port = await freePort();
  const child = await startDeno({
    name: "pass-through",
    entry: join(import.meta.dirname, "pass-through.ts"),
    env,
    port,
    logFile: join(directory, "logs", "pass-through.log"),
  });
  return { ...child, port };
}
