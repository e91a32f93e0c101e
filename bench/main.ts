// What ai-chat costs beside a bare pass-through proxy: same simulator, same client, one run. It reports times and does not
// judge them, but a chat that failed, or that the ledger has not exactly once, makes it fail.
import { rmSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join, relative } from "node:path";
import { projectRoot } from "../local/project.ts";
import { type Comparison, compare } from "./compare.ts";
import { findLedgerFaults } from "./ledger.ts";
import type { LoadResult } from "./load.ts";
import { compareWithGoals, tableHead, tableRow } from "./report.ts";
import { type Servers, startServers } from "./start-servers.ts";
import type { AnswerKind } from "./targets.ts";

const kinds: readonly AnswerKind[] = ["JSON", "stream"];
const connectionCounts = [1, 16, 64];
const firstWarmUpMs = 1_500;
const names = { passThrough: "pass-through", aiChat: "ai-chat" };
const mostFaultsShown = 5;
const directory = join(projectRoot, ".local", "bench");

const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());

process.exitCode = 1;
let servers: Servers | undefined;
try {
  console.log("Starting the stack …");
  servers = await startServers(directory, Math.max(...connectionCounts), ending.signal);
  const faults = await measureAndCheck(servers);
  if (faults.length === 0) process.exitCode = 0;
  else console.log(describeFaults(faults));
} catch (error) {
  if (!ending.signal.aborted) console.error(error);
}
await servers?.stop();
if (process.exitCode === 0 || ending.signal.aborted) rmSync(directory, { recursive: true, force: true });
else console.log(`Logs: ${relative(process.cwd(), join(directory, "logs"))}`);

/** Prints the figures as they come. Returns what was wrong with answers or ledger, a sentence each. */
async function measureAndCheck({ sql, client, people, takeDatabaseCalls, ...targets }: Servers) {
  const faults: string[] = [];
  const chats = new Map(people.map(({ userId }) => [userId, 0]));
  const note = (server: "passThrough" | "aiChat", what: string, result: LoadResult) => {
    if (result.failed > 0)
      faults.push(`${names[server]}, ${what}: ${result.failed} failed, the first with ${result.failure}`);
    if (server === "aiChat")
      for (const [index, answered] of result.answered.entries()) {
        const userId = people[index]?.userId ?? "";
        chats.set(userId, (chats.get(userId) ?? 0) + answered);
      }
  };

  // What runs for the first time is compiled, and every token is verified once.
  for (const kind of kinds)
    for (const server of ["passThrough", "aiChat"] as const) {
      const { port, marker, request } = targets[server];
      const requests = people.map((person) => request(kind, person));
      note(
        server,
        "warming up",
        await client.run({ port, marker, requests, warmUpMs: 0, durationMs: firstWarmUpMs }),
      );
    }

  const load = loadavg()[0]?.toFixed(1);
  console.log(`${availableParallelism()} processors, load ${load} after warming up\n\n${tableHead()}`);
  const rows: Comparison[] = [];
  for (const kind of kinds)
    for (const connections of connectionCounts) {
      const what = `${kind} at ${connections}`;
      const row = await compare(
        { kind, connections },
        {
          ...targets,
          people,
          takeDatabaseCalls,
          run: client.run,
          onResult: (server, result) => note(server, what, result),
          signal: ending.signal,
        },
      );
      rows.push(row);
      console.log(tableRow(row));
    }
  console.log(`\n${compareWithGoals(rows)}`);

  faults.push(...(await findLedgerFaults(sql, chats)));
  const total = [...chats.values()].reduce((sum, count) => sum + count, 0);
  if (faults.length === 0)
    console.log(`\n${total} chats: each was answered in full and has exactly one ledger row.`);
  return faults;
}

function describeFaults(faults: string[]): string {
  const shown = faults.slice(0, mostFaultsShown).map((fault) => `  ${fault}`);
  const more = faults.length - shown.length;
  return ["\nWRONG", ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])].join("\n");
}
