import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { functionEnvironment } from "../../local/function-environment.ts";
import { startFunction } from "../../local/functions.ts";
import { simulateProviders } from "./simulated-providers.ts";
import { testLogs } from "./test-directory.ts";

export interface ExtraFunction {
  /** Of the function itself: there is no gateway before it. */
  url: string;
  /** What it has written so far, line by line. */
  lines: string[];
  stop(): Promise<void>;
  /** Ends it at once, as a platform does that is out of patience. */
  kill(): Promise<void>;
}

/**
 * Starts one more instance of a function, `ai-chat` unless named, beside the stack's own, with provider keys of its own and other
 * settings. To be stopped by who starts it.
 */
export async function startExtraFunction(
  settings: Record<string, string> = {},
  name = "ai-chat",
): Promise<ExtraFunction> {
  const stack = inject("stack");
  const keySet = await (await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const env = functionEnvironment(stack, keySet, {
    JWT_ISSUER: `${stack.apiUrl}/auth/v1`,
    ...simulateProviders(),
    ...settings,
  });
  mkdirSync(testLogs, { recursive: true });
  const lines: string[] = [];
  const child = await startFunction(name, {
    env,
    logFile: join(testLogs, `extra-${randomUUID()}.log`),
    onLine: (line) => lines.push(line),
  });
  return {
    url: child.url,
    lines,
    stop: child.stop,
    async kill() {
      process.kill(child.pid, "SIGKILL");
      await child.exited;
    },
  };
}
