// Runs a command of this project from a fresh clone: installs the packages when the lock file changed since the
// last install, then starts the command under the Node.js version that the project pins.
// Plain JavaScript and no imports of packages, so that any Node.js from 20 on can run it before the install.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const minimumMajor = 24;

installPackages();
run(process.argv.slice(2));

/** Installs what the lock file names, unless the last install was of the same lock file. */
function installPackages() {
  const stamp = join(root, "node_modules", ".installed");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.error("Installing packages (once; about a minute) …");
  // Not `npm ci`, which wants the lock file to name the binaries of every platform; a registry need not have them all.
  const npm = spawnSync("npm", ["install", "--no-save", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0)
    fail(`npm install failed${npm.error ? `: ${npm.error.message}` : ""}. Check the network and try again.`);
  writeFileSync(stamp, wanted);
}

/** Starts `command` (a .ts file of this project or a tool of node_modules/.bin) and exits as it exits. */
function run([command, ...parameters]) {
  const node = findNode();
  const program = command.endsWith(".ts") ? [join(root, command)] : [join(bin, command)];
  const child = spawn(node, [...program, ...parameters], {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: [bin, dirname(node), process.env.PATH].join(delimiter),
      // Code that was compiled once is not compiled again: commands start in half the time.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".local", "compiled"),
    },
  });
  // A terminal sends Ctrl-C to the whole group, so that the child may get it twice, which does no harm; `kill` sends it to npm alone.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/** The pinned Node.js where a package has it for this machine, else the one that runs this file if it is new enough. */
function findNode() {
  const { platform, arch } = process;
  const names = [`node-${platform}-${arch}`, `node-bin-${platform}-${arch}`];
  const pinned = names
    .map((name) => join(root, "node_modules", name, "bin", "node"))
    .find((path) => existsSync(path));
  if (pinned !== undefined) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= minimumMajor) return process.execPath;
  return fail(
    `There is no packaged Node.js for ${platform}-${arch}: install Node.js ${minimumMajor} or newer.`,
  );
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
