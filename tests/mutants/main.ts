// Puts each bug of the list into a copy of the tree and runs the tests that must notice it. A bug that nobody notices is a test that is
// missing: it makes the run fail. `npm run test:mutants -- 3 17` runs these two alone.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { listFiles, root } from "../architecture/list-files.ts";
import { type Mutant, mutate } from "./mutant.ts";
import { mutants } from "./mutants.ts";

interface Outcome {
  passed: number;
  failed: number;
  log: string;
}

/** Passes in every tree that starts: a bug that keeps the database from being made is noticed by no test. */
const canary = "tests/database/append-only.test.ts";
const directory = join(root, ".local", "mutants");
const chosen = process.argv.slice(2).map(Number);
const numbered = mutants.map((mutant, index) => ({ mutant, number: index + 1 }));
const selected = chosen.length === 0 ? numbered : numbered.filter(({ number }) => chosen.includes(number));

const copy = join(directory, "tree");
copyTree(copy);

const tests = [...new Set(selected.flatMap(({ mutant }) => mutant.killedBy))];
const sound = await runTests(tests, "none");
if (sound.failed > 0 || sound.passed === 0) {
  console.log(`Without any bug ${sound.failed} tests fail: see ${sound.log}`);
  process.exit(1);
}

const survivors: string[] = [];
for (const { mutant, number } of selected) {
  const { passed, failed, log } = await tryMutant(mutant, number);
  const isKilled = failed > 0 && passed > 0;
  if (!isKilled) survivors.push(`${number}. ${mutant.fault}: see ${log}`);
  console.log(
    `${isKilled ? "killed  " : "SURVIVED"} ${String(number).padStart(2)}. ${mutant.fault} (${failed} of ${passed + failed} tests)`,
  );
}
console.log(`${selected.length - survivors.length} of ${selected.length} killed`);
for (const survivor of survivors) console.log(survivor);
process.exitCode = survivors.length === 0 ? 0 : 1;

async function tryMutant(mutant: Mutant, number: number): Promise<Outcome> {
  const file = join(copy, mutant.file);
  const source = readFileSync(file, "utf8");
  writeFileSync(file, mutate(source, mutant));
  try {
    return await runTests(mutant.killedBy, String(number));
  } finally {
    writeFileSync(file, source);
  }
}

/** The files of the project as they are now, with its packages. */
function copyTree(target: string): void {
  rmSync(target, { recursive: true, force: true });
  for (const path of listFiles()) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, path), join(target, path));
  }
  symlinkSync(join(root, "node_modules"), join(target, "node_modules"));
}

function runTests(files: string[], name: string): Promise<Outcome> {
  const log = join(directory, `${name}.log`);
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", "vitest"), ["run", ...files, canary], {
      cwd: copy,
      env: { ...process.env, NO_COLOR: "1", METERING_RUNS: "100" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("close", () => {
      writeFileSync(log, output);
      const [, passed = 0, failed = 0] = /(\d+) passed, (\d+) failed, \d+ skipped\n*$/.exec(output) ?? [];
      resolve({ passed: Number(passed), failed: Number(failed), log: relative(root, log) });
    });
  });
}
