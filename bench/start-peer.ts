import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild, waitUntilReady } from "../local/child-process.ts";
import { freePort } from "../local/ports.ts";
import { projectRoot } from "../local/project.ts";

const source = join(import.meta.dirname, "peer");
/** Apart from the project's own packages: the peer needs other versions of some, and nothing but the bench needs the peer. */
const folder = join(projectRoot, ".local", "bench-peer");
const program = join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
const readyTimeoutMs = 30_000;

/** Installs the peer, unless what its lock file names is there. @throws Error with a remedy when npm cannot */
export function installPeer(): void {
  const files = ["package.json", "package-lock.json"];
  const isCopied = (file: string) =>
    existsSync(join(folder, file)) &&
    readFileSync(join(folder, file)).equals(readFileSync(join(source, file)));
  if (existsSync(program) && files.every(isCopied)) return;
  console.log("Installing the peer (once) …");
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(join(source, file), join(folder, file));
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0)
    throw new Error(
      `npm cannot install the peer${npm.error ? `: ${npm.error.message}` : ""}. ` +
        "Check the network, or name the parts to run without it: see bench/README.md.",
    );
}

/** Starts the peer on Node.js, one process as ai-chat is, and returns when it takes requests. */
export async function startPeer(directory: string): Promise<Child & { port: number }> {
  const port = await freePort();
  const child = await startChild({
    name: "peer",
    command: process.execPath,
    args: [program, `--port=${port}`, "--headless"],
    env: { NODE_ENV: "production" },
    cwd: folder,
    logFile: join(directory, "logs", "peer.log"),
  });
  await waitUntilReady(child, () => fetch(`http://127.0.0.1:${port}/`), readyTimeoutMs);
  return { ...child, port };
}
