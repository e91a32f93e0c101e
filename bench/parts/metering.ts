import { join } from "node:path";
import { projectRoot } from "../../local/project.ts";
import { measureInTurns, medianOf, medianOfPairs } from "../in-turns.ts";
import { createBatchedCycle, createSingleCycle, runCycles } from "../metering/cycles.ts";
import { type MeteringDatabase, startMeteringDatabase } from "../metering/database.ts";
import { fill, type Size } from "../metering/fill.ts";
import { readHotPlans } from "../metering/hot-plans.ts";
import { type Column, type Goal, tableHead, tableRow } from "../table.ts";
import type { Part } from "./part.ts";

const askedUsers = 10_000;
const connections = 64;
const rounds = 5;
const timing = { connections, warmUpMs: 1000, durationMs: 4000 };
const empty: Size = { users: askedUsers, ledgerRows: 0, holds: 0 };
const full: Size = { users: 1_000_000, ledgerRows: 10_000_000, holds: 1_000_000 };
const slowestPlans = 6;

interface Filled extends MeteringDatabase {
  size: Size;
  users: string[];
  /** How many cycles it has been through. */
  cycles: number;
}

interface Row {
  who: string;
  how: string;
  first: number;
  second: number;
  ratio: number;
}

const columns: Column<Row>[] = [
  ["users", 8, ({ who }) => who],
  ["calls", 12, ({ how }) => how],
  ["cycles/s", 9, ({ first }) => first.toFixed(0)],
  ["other/s", 9, ({ second }) => second.toFixed(0)],
  ["ratio", 6, ({ ratio }) => ratio.toFixed(2)],
];

/** Holds and settlements alone, through PostgREST, in an empty database and in a large one. */
export const metering: Part = {
  name: "metering",
  title: `Begin and settle over ${connections} connections, without a provider: an empty database, then 10 million ledger rows and a million users`,
  onlyByName: true,
  async run() {
    const small = await prepare("empty", empty);
    const large = await prepare("full", full).catch(async (error) => {
      await small.stop();
      throw error;
    });
    try {
      console.log(tableHead(columns));
      const goals: Goal[] = [];
      for (const [how, create] of [
        ["one by one", createSingleCycle],
        ["batched", createBatchedCycle],
      ] as const)
        for (const who of ["10,000", "one"] as const) {
          const row = await compare([small, large], ({ database, users }) => ({
            cycle: create(database),
            users: who === "one" ? users.slice(0, 1) : users,
          }));
          console.log(tableRow(columns, { who, how, ...row }));
          goals.push(goalOf(`full database, ${who} users, ${how}: ratio to the empty one`, row.ratio, 0.9));
        }
      goals.push(await compareWithProjectLimit(small));
      await showPlans(large);
      await checkLedger([small, large]);
      return goals;
    } finally {
      await Promise.all([small.stop(), large.stop()]);
    }
  },
};

async function prepare(name: string, size: Size): Promise<Filled> {
  const started = performance.now();
  const database = await startMeteringDatabase(name, join(projectRoot, ".local", `bench-metering-${name}`));
  try {
    const users = await fill(database.sql, size, askedUsers);
    console.log(
      `${name}: ${size.users} users, ${size.ledgerRows} ledger rows, ready in ${((performance.now() - started) / 1000).toFixed(0)} s`,
    );
    return { ...database, size, users, cycles: 0 };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** Measures two databases in turns. `second` beside `first`. */
async function compare(
  databases: [Filled, Filled],
  choose: (database: Filled) => Pick<Parameters<typeof runCycles>[0], "cycle" | "users">,
): Promise<Omit<Row, "who" | "how">> {
  const [first, second] = (await measureInTurns(databases, rounds, async (database) => {
    const { perSecond, count } = await runCycles({ ...choose(database), ...timing });
    database.cycles += count;
    return perSecond;
  })) as [number[], number[]];
  return {
    first: medianOf(first, (figure) => figure),
    second: medianOf(second, (figure) => figure),
    ratio: medianOfPairs(second, first, (a, b) => a / b),
  };
}

/** A budget of the whole project, which every chat takes from, must not make them wait for each other. */
async function compareWithProjectLimit(database: Filled): Promise<Goal> {
  const withLimit = async (isSet: boolean) => {
    if (isSet)
      await database.sql`
        insert into private.project_limits (unit, "window", amount) values ('nano_usd', 'month', 1000000000000000)`;
    else await database.sql`delete from private.project_limits`;
  };
  const results = await measureInTurns([false, true], rounds, async (isSet) => {
    await withLimit(isSet);
    const { perSecond, count } = await runCycles({
      cycle: createBatchedCycle(database.database),
      users: database.users,
      ...timing,
    });
    database.cycles += count;
    return perSecond;
  });
  await withLimit(false);
  const [without, having] = results as [number[], number[]];
  const ratio = medianOfPairs(having, without, (a, b) => a / b);
  const row = {
    first: medianOf(without, (figure) => figure),
    second: medianOf(having, (figure) => figure),
    ratio,
  };
  console.log(
    `${tableRow(columns, { who: "10,000", how: "batched", ...row })}  (the other with a budget of the whole project)`,
  );
  return goalOf("a budget of the whole project: ratio to none", ratio, 0.8);
}

async function showPlans({ sql, users, notices }: Filled): Promise<void> {
  const { plans, faults } = await readHotPlans(sql, notices, users[0] as string);
  console.log(
    `\nThe dearest of the ${plans.length} statements of one hold and one release in the full database:`,
  );
  for (const { statement, plan, ms } of plans.toSorted((a, b) => b.ms - a.ms).slice(0, slowestPlans))
    console.log(`\n${ms.toFixed(2)} ms  ${statement}\n${indexesOf(plan)}`);
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

/** How a plan comes to the rows of its tables. */
function indexesOf(plan: string): string {
  const scans = [...plan.matchAll(/\w[\w ]* Scan(?: using \w+)? on \w+/g)].map(([scan]) => scan);
  return [...new Set(scans)].map((scan) => `    ${scan}`).join("\n");
}

async function checkLedger(databases: Filled[]): Promise<void> {
  for (const { name, sql, size, cycles } of databases) {
    const [found] = await sql<[{ charges: number; pending: number; held: number }]>`
      select
        (select count(*)::integer from private.ledger) as charges,
        (select count(*)::integer from private.holds where state = 'pending') as pending,
        (select coalesce(sum(held), 0)::integer from private.usage_windows) as held`;
    const charges = found.charges - size.ledgerRows;
    if (charges !== cycles || found.pending + found.held > 0)
      throw new Error(
        `${name}: ${cycles} chats, ${charges} charges, ${found.pending} pending, ${found.held} held.`,
      );
  }
}

function goalOf(name: string, figure: number, value: number): Goal {
  return { name, figure, decimals: 2, limit: "at least", value };
}
