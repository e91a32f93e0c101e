import { join } from "node:path";
import type { Child } from "../local/child-process.ts";
import { startDeno } from "../local/deno.ts";
import { freePort } from "../local/ports.ts";

/** Starts a proxy of this folder on Deno, as functions are started, and returns when it takes requests. */
export async function startProxy(
  name: "pass-through" | "reader-loop",
  { env, directory }: { env: Record<string, string>; directory: string },
): Promise<Child & { port: number }> {
  const port = await freePort();
  const child = await startDeno({
    name,
    entry: join(import.meta.dirname, `${name}.ts`),
    env,
    port,
    logFile: join(directory, "logs", `${name}.log`),
  });
  return { ...child, port };
}
