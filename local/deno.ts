import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { type Child, type StartChild, startChild, waitUntilReady } from "./child-process.ts";
import { projectRoot } from "./project.ts";

export interface DenoOptions {
  /** What it is called in messages. */
  name: string;
  /** The module whose default export answers requests. */
  entry: string;
  /** All that the module sees of the environment. */
  env: Record<string, string>;
  port: number;
  logFile: string;
  onLine?: ((line: string) => void) | undefined;
  start?: StartChild;
}

const readyTimeoutMs = 30_000;

/**
 * Serves a module with Deno on 127.0.0.1 and returns when it takes requests. It may use the network and its environment; of
 * files it may only load its modules.
 */
export async function startDeno(options: DenoOptions): Promise<Child> {
  const { name, entry, env, port, logFile, onLine, start = startChild } = options;
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
      entry,
    ],
    env: { ...env, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1", DENO_TLS_CA_STORE: "mozilla,system" },
    cwd: projectRoot,
    logFile,
    // Even a quiet Deno announces the port that it listens on, which nobody is meant to call.
    onLine: onLine && ((line) => line.startsWith("deno serve: ") || onLine(line)),
  });
  await waitUntilReady(child, () => tryConnection(port), readyTimeoutMs);
  return child;
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
