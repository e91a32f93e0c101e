import { type Environment, readEnvironment } from "../local/settings.ts";
import { fingerprintSetting } from "../shared/keys/fingerprint.ts";
import { keyRingSetting } from "../shared/keys/key-ring.ts";
import { activateNewest } from "./activate-newest.ts";
import { addRootKey } from "./add-root-key.ts";
import { withDatabase } from "./database.ts";
import { formatKeyStatus, readKeyStatus } from "./key-status.ts";
import { rewrapCommand } from "./rewrap-command.ts";
import { noKeyRing, readRingValue } from "./ring-value.ts";
import { sealKey } from "./seal-key.ts";

const usage = `Usage: npm run --silent keys -- <command>
  seal <provider>   asks for a key of the provider (or reads it from stdin) and prints the SQL that stores it, sealed
  new-root          prints a new value of ${keyRingSetting}: the one that is set with one more key, or a first one
  rotate            prints the value of ${keyRingSetting} in which the newest root key is active
  rewrap            seals the stored keys of the database anew, under the active root key; may be stopped and repeated
  status            prints how many stored keys each root key has, and which root keys may be dropped
${keyRingSetting}, and DATABASE_URL for the last two, are taken from the environment or from .env.`;

const [command, ...parameters] = process.argv.slice(2);
try {
  process.exitCode = await run(readEnvironment());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** Returns the exit code. */
async function run(environment: Environment): Promise<number> {
  const { [keyRingSetting]: setting, DATABASE_URL: databaseUrl } = environment;
  if (command === "new-root" && parameters.length === 0) return newRoot(setting);
  if (command === "rotate" && parameters.length === 0) return rotate(setting);
  if (command === "rewrap" && parameters.length === 0) return rewrapCommand(setting, databaseUrl);
  if (command === "status" && parameters.length === 0) return status(setting, databaseUrl);
  if (command === "seal" && parameters.length === 1) {
    process.stdout.write(
      `${await sealKey(parameters[0] as string, setting, environment[fingerprintSetting])}\n`,
    );
    return 0;
  }
  tell(usage);
  return 2;
}

function newRoot(setting: string | undefined): number {
  const { kid, value, active } = addRootKey(setting);
  process.stdout.write(`${value}\n`);
  if (kid !== active)
    tell(
      `Added ${kid}; ${active} stays active. Set this value everywhere; then "npm run --silent keys -- rotate" makes ${kid} active.`,
    );
  return 0;
}

function rotate(setting: string | undefined): number {
  const { kid, before, count, value } = activateNewest(setting);
  process.stdout.write(`${value}\n`);
  if (kid !== before)
    tell(
      `${kid} is active in place of ${before}. Set this value everywhere; then "npm run --silent keys -- rewrap" seals anew what is under ${before}.`,
    );
  else if (count > 1) tell(`${kid} is the newest root key and active already: nothing is changed.`);
  else
    tell(
      `${kid} is the only root key and active already: "npm run --silent keys -- new-root" adds another one.`,
    );
  return 0;
}

async function status(setting: string | undefined, databaseUrl: string | undefined): Promise<number> {
  const ring = readRingValue(setting);
  if (ring === null) throw noKeyRing();
  const counts = await withDatabase(databaseUrl, (sql) => readKeyStatus({ sql, ring }));
  const { table, warnings } = formatKeyStatus(counts);
  process.stdout.write(`${table}\n`);
  for (const warning of warnings) tell(warning);
  return 0;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
