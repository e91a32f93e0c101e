// What ai-chat costs, beside other servers in front of the same simulator, in one run. It reports figures and does not judge them, but
// a chat that failed, or that the ledger has not exactly once, makes it fail. See README.md for its parts.
import { rmSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join, relative } from "node:path";
import { projectRoot } from "../local/project.ts";
import { chooseParts } from "./choose-parts.ts";
import { findLedgerFaults } from "./ledger.ts";
import { createMeasure, type Measure } from "./measure.ts";
import type { Part } from "./parts/part.ts";
import { installPeer } from "./start-peer.ts";
import { type Servers, startServers } from "./start-servers.ts";
import { formatGoals, type Goal } from "./table.ts";
import { short } from "./workloads.ts";

const peopleCount = 256;
const warmUp = { connections: 64, warmUpMs: 0, durationMs: 1000 };
const mostFaultsShown = 5;
const directory = join(projectRoot, ".local", "bench");

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());

process.exitCode = 1;
const { parts, withPeer } = prepare(process.argv.slice(2));
const startedMs = performance.now();
let servers: Servers | undefined;
try {
  console.log("Starting the stack …");
  servers = await startServers({ directory, peopleCount, withPeer, signal: ending.signal });
  const faults = await measureAndCheck(parts, servers);
  if (faults.length === 0) process.exitCode = 0;
  else console.log(describeFaults(faults));
} catch (error) {
  if (!ending.signal.aborted) console.error(error);
}
await servers?.stop();
if (process.exitCode === 0 || ending.signal.aborted) rmSync(directory, { recursive: true, force: true });
else console.log(`Logs: ${relative(process.cwd(), join(directory, "logs"))}`);

/** Chooses the parts and installs what they need; ends the process with the remedy where that cannot be. */
function prepare(names: string[]): { parts: Part[]; withPeer: boolean } {
  try {
    const parts = chooseParts(names);
    const withPeer = parts.some(({ name }) => name === "peer");
    if (withPeer) installPeer();
    return { parts, withPeer };
  } catch (error) {
    console.error((error as Error).message);
    process.exit();
  }
}

/** Prints the figures as they come, and the goals at the end. Returns what was wrong with answers or ledger, a sentence each. */
async function measureAndCheck(parts: readonly Part[], running: Servers): Promise<string[]> {
  const measure = createMeasure(running, ending.signal);
  await warmAllUp(measure);
  const load = loadavg()[0]?.toFixed(1);
  console.log(`${availableParallelism()} processors for everything, load ${load} after warming up`);

  const goals: Goal[] = [];
  for (const { name, title, run } of parts) {
    console.log(`\n== ${name}\n${title}\n`);
    goals.push(...(await run(measure)));
  }
  if (goals.length > 0) console.log(`\n== goals\n${formatGoals(goals)}`);

  const faults = [...measure.faults, ...(await findLedgerFaults(running.sql, measure.chats))];
  const chats = [...measure.chats.values()].reduce((sum, count) => sum + count, 0);
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  if (faults.length === 0)
    console.log(
      `\n${chats} chats: each was answered in full and has exactly one ledger row; nothing is held. ${minutes} minutes.`,
    );
  return faults;
}

/** What runs for the first time is compiled, and every token is verified once. */
async function warmAllUp(measure: Measure): Promise<void> {
  const { simulator: _, freshAiChat: __, ...targets } = measure.targets;
  for (const target of Object.values(targets))
    for (const kind of ["JSON", "stream"] as const)
      if (target !== null) await measure.load(target, { ...warmUp, workload: short.openai, kind });
}

function describeFaults(faults: string[]): string {
  const shown = faults.slice(0, mostFaultsShown).map((fault) => `  ${fault}`);
  const more = faults.length - shown.length;
  return ["\nWRONG", ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])].join("\n");
}
