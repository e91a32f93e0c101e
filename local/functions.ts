import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { type Child, type StartChild, startChild, waitUntilReady } from "./child-process.ts";
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
const readyTimeoutMs = 30_000;

/** The functions of the project: the folders of supabase/functions that have an index.ts. */
export function listFunctions(): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "index.ts")))
    .sort();
}

/**
 * Starts one function on Deno, in a process of its own on 127.0.0.1, and returns when it takes requests: at `url`, which ends
 * in the function's name. It may use the network and its environment; of files it may only load its modules.
 */
export async function startFunction(name: string, options: FunctionOptions): Promise<RunningFunction> {
  const { env, port = await freePort(), logFile, onLine, start = startChild } = options;
  const cache = join(projectRoot, ".local", "deno");
  mkdirSync(cache, { recursive: true });
  const child = await start({
    name,
    command: findDeno(),
    args: [
      "serve",
      "--quiet",
      "--host=127.0.0.1",
      `--port=${port}`,
      `--config=${join(projectRoot, "deno.json")}`,
      "--cached-only",
      "--no-lock",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      join(folder, name, "index.ts"),
    ],
    env: { ...env, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1", DENO_TLS_CA_STORE: "mozilla,system" },
    cwd: projectRoot,
    logFile,
    // Even a quiet Deno announces the port that it listens on, which nobody is meant to call.
    onLine: onLine && ((line) => line.startsWith("deno serve: ") || onLine(line)),
  });
  await waitUntilReady(child, () => tryConnection(port), readyTimeoutMs);
  return { ...child, url: `http://127.0.0.1:${port}/${name}` };
}

function tryConnection(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1")
      .once("connect", () => {
        socket.destroy();
        resolve();
      })
      .once("error", reject);
  });
}

/** The Deno program itself: the command in node_modules/.bin is a wrapper that would outlive a signal to it. */
function findDeno(): string {
  try {
    const installer = createRequire(import.meta.url)("deno/install_api.cjs") as { runInstall(): string };
    return installer.runInstall();
  } catch (error) {
    throw new Error(
      `There is no packaged Deno for ${process.platform}-${process.arch}, or npm left out optional packages ` +
        "(then: npm ci --include=optional).",
      { cause: error },
    );
  }
}
