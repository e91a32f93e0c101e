import { readEnvironment } from "../local/settings.ts";
import { createEnvelopes } from "../shared/keys/envelope.ts";
import { keyRingSetting, parseKeyRing } from "../shared/keys/key-ring.ts";
import { addRootKey } from "./add-root-key.ts";
import { insertSealedKey } from "./insert-sealed-key.ts";
import { readSecret } from "./read-secret.ts";

const usage = `Usage: npm run --silent keys -- <command>
  new-root          prints a new value of ${keyRingSetting}: the one that is set with one more key, or a first one
  seal <provider>   asks for a key of the provider (or reads it from stdin) and prints the SQL that stores it, sealed
${keyRingSetting} is taken from the environment or from .env.`;

const [command, ...parameters] = process.argv.slice(2);
const setting = readEnvironment()[keyRingSetting];
try {
  if (command === "new-root" && parameters.length === 0) newRoot();
  else if (command === "seal" && parameters.length === 1) await seal(parameters[0] as string);
  else {
    process.stderr.write(`${usage}\n`);
    process.exitCode = 2;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

function newRoot(): void {
  const { kid, value, active } = addRootKey(setting);
  process.stdout.write(`${value}\n`);
  if (kid === active) return;
  process.stderr.write(
    `Added ${kid}; ${active} stays active. Once every function has this value, make ${kid} "active" in it.\n`,
  );
}

async function seal(provider: string): Promise<void> {
  // As private.model_routes has it.
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(provider))
    throw new Error("Name the provider as routes do: a small letter, then up to 39 of a-z, 0-9 and -.");
  const ring = parseKeyRing(setting);
  if (ring === null)
    throw new Error(`${keyRingSetting} is not set: "npm run --silent keys -- new-root" makes one.`);
  const key = await readSecret(`Key of ${provider} (it is not shown): `);
  // It is sent in a header, which takes nothing else; a blank in a key is a slip in copying.
  if (!/^[\x21-\x7e]{1,1000}$/.test(key))
    throw new Error(
      "A key is 1 to 1000 letters, digits and signs of ASCII, without blanks or control characters.",
    );
  const id = crypto.randomUUID();
  const sealedKey = await createEnvelopes(ring).seal(key, { owner: "platform", provider, record: id });
  process.stdout.write(`${insertSealedKey({ id, provider, sealedKey, key })}\n`);
}
