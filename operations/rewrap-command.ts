import { parseKeyRing } from "../shared/keys/key-ring.ts";
import { withDatabase } from "./database.ts";
import { type Progress, rewrapKeys } from "./rewrap.ts";
import { noKeyRing } from "./ring-value.ts";
import { interrupted, stopOnSignals } from "./stop-signals.ts";
import { formatCount } from "./stored-keys.ts";

/** Seals what is stored anew and tells how far it is. Returns the exit code. */
export async function rewrapCommand(
  setting: string | undefined,
  databaseUrl: string | undefined,
): Promise<number> {
  const ring = parseKeyRing(setting);
  if (ring === null) throw noKeyRing();
  const signal = stopOnSignals(() => tell("Ending after this batch …"));
  const outcomes = await withDatabase(databaseUrl, (sql) =>
    rewrapKeys({ sql, ring, signal, report: (progress) => tell(describe(progress)) }),
  );
  const counts = outcomes.map(({ table, sealed }) => `${table.words}: ${formatCount(sealed)}`);
  process.stdout.write(`Sealed anew under ${ring.activeKid}: ${counts.join(", ")}.\n`);
  let unopened = 0;
  for (const outcome of outcomes)
    for (const { id, fault } of outcome.unopened) {
      unopened++;
      tell(`${outcome.table.name} ${id} was left as it is: ${fault}`);
    }
  if (outcomes.some(({ isComplete }) => !isComplete)) {
    tell("Stopped before the end: run the command again for the rest.");
    return interrupted;
  }
  return unopened === 0 ? 0 : 1;
}

function describe({ table, sealed, total }: Progress): string {
  return `${table.words}: ${formatCount(sealed)} of ${formatCount(total)} …`;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
