import fc from "fast-check";
import { beforeAll, test } from "vitest";
import { connectClockDatabase } from "../support/clock-database.ts";
import { day } from "./model/calendar.ts";
import { addCatalogue, plans } from "./model/catalogue.ts";
import { randomCommand } from "./model/commands/random-commands.ts";
import { begin, type Start } from "./model/start.ts";

const { sql } = connectClockDatabase();

beforeAll(async () => {
  await addCatalogue(sql);
  // Of all months that runs begin in and most of them come to.
  await sql`
    select private.create_ledger_partition(month)
    from generate_series(timestamptz '2028-01-01Z', '2028-12-01Z', interval '1 month') month`;
});

const runs = Number(process.env.METERING_RUNS ?? 200);
const seed = Number(process.env.METERING_SEED ?? Date.now() % 2 ** 31);

/** After so long what has failed is shrunk no further. */
const patienceMs = 60_000 + runs * 500;

/** Days that are unlike others: ends of short months, a leap day, changes of clocks in Havana, on Lord Howe and in Berlin. */
const start: fc.Arbitrary<Start> = fc.record({
  at: fc
    .tuple(
      fc.constantFrom("2028-01-31", "2028-02-28", "2028-02-29", "2028-03-12", "2028-03-25", "2028-04-01"),
      fc.nat(day - 1),
    )
    .map(([date, ms]) => Date.parse(date) + ms),
  callers: fc.array(
    fc.record({ plan: fc.constantFrom(...plans.map(({ id }) => id)), sinceMs: fc.nat(100 * day) }),
    { minLength: 3, maxLength: 3 },
  ),
});

test(
  "whatever callers, services, jobs and time do, the database counts as the rules say",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        start,
        fc.commands([randomCommand], { maxCommands: 40, size: "max" }),
        async (start, commands) => {
          const session = await sql.reserve();
          await session`begin`;
          try {
            const state = await begin(session, start);
            await fc.asyncModelRun(() => ({ model: state, real: session }), commands);
          } finally {
            await session`rollback`;
            session.release();
          }
        },
      ),
      { numRuns: runs, seed, skipAllAfterTimeLimit: patienceMs },
    );
  },
  2 * patienceMs,
);
