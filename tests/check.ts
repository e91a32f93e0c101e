// The gate before a commit: format, lint, types and the rules of the tree. Needs no service and no network.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { listFiles, root } from "./architecture/list-files.ts";

interface Outcome {
  passed: boolean;
  output: string;
}

const entries = listFiles().filter((path) => /^supabase\/functions\/[^/]+\/index\.ts$/.test(path));
const checks: readonly [name: string, tool: string, parameters: string[]][] = [
  ["format and lint", "biome", ["ci", "--colors=off", "--error-on-warnings", "."]],
  ["types", "tsc", ["--project", "."]],
  ["types on Deno", "deno", ["check", ...entries]],
  ["imports, dependencies, files", "vitest", ["run", "--project=unit", "tests/architecture"]],
];

const outcomes = await Promise.all(checks.map(([name, tool, parameters]) => check(name, tool, parameters)));
for (const { passed, output } of outcomes) if (!passed) console.log(`\n${output.trim()}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;

/** Runs one check and prints its line when it ends. */
async function check(name: string, tool: string, parameters: string[]): Promise<Outcome> {
  const startedMs = performance.now();
  const outcome = await run(tool, parameters);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${outcome.passed ? "ok    " : "FAILED"} ${name.padEnd(30)} ${seconds} s`);
  return outcome;
}

function run(tool: string, parameters: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", tool), parameters, {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) =>
      resolve({ passed: false, output: `${tool} did not start: ${error.message}` }),
    );
    child.on("close", (code) => resolve({ passed: code === 0, output }));
  });
}
