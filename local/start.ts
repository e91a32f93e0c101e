import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "./project.ts";
import { readEnvironment } from "./settings.ts";
import { type Stack, startStack } from "./stack.ts";
import { whenAborted } from "./when-aborted.ts";

const usage = `Usage: npm start -- [options]
  --port N     first port of the stack (default 54321): N the API, N+1 Postgres, N+2 the simulator, N+3 the stand-in for Stripe,
               then internal ones
  --reset      start with an empty database`;

const largestBasePort = 65_000;

const { basePort, reset, directory } = readOptions();
const ending = new AbortController();
// A closed terminal takes the console with it; the stack still has to stop in order.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());

const startedAt = performance.now();
console.log("Starting Sluice …");
try {
  const stack = await startStack({
    directory,
    basePort,
    reset,
    environment: readEnvironment(),
    signal: ending.signal,
    onStep: (part, durationMs) => console.log(`  ${part.padEnd(14)}${seconds(durationMs)}`),
    onLine: (part, line) => console.log(`${part} | ${line}`),
  });
  console.log(await welcome(stack));
  await whenAborted(ending.signal);
  console.log("\nStopping …");
  await stack.stop();
} catch (error) {
  if (!ending.signal.aborted) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
// All is stopped; what a start that was given up still waits for must not hold this process.
process.exit();

function readOptions(): { basePort: number; reset: boolean; directory: string } {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: "54321" },
        reset: { type: "boolean", default: false },
        // For the tests of this command, which must leave the developer's own data alone.
        directory: { type: "string", default: join(projectRoot, ".local") },
      },
    });
    const basePort = Number(values.port);
    if (!Number.isInteger(basePort) || basePort < 1024 || basePort > largestBasePort)
      throw new Error(`--port ${values.port}: give a whole number from 1024 to ${largestBasePort}.`);
    return { basePort, reset: values.reset, directory: resolve(values.directory) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

async function welcome(stack: Stack): Promise<string> {
  const { apiUrl, dbUrl, publishableKey, secretKey, simulatorUrl, stripeUrl, users } = stack.description;
  const token = await stack.signIn(users.free.email);
  return `Ready in ${seconds(performance.now() - startedAt)}.

  API              ${apiUrl}
  Plans            ${apiUrl}/plans (sample page)
  Database         ${dbUrl}
  Simulator        ${simulatorUrl}
  Payments         ${stripeUrl === null ? "Stripe, from STRIPE_SECRET_KEY" : `${stripeUrl} (stand-in for Stripe)`}
  Publishable key  ${publishableKey}
  Secret key       ${secretKey}
  Provider: ${stack.provider}

  Users            ${Object.values(users)
    .map(({ email, password }) => `${email.padEnd(20)} password ${password}`)
    .join("\n                   ")}

All of this also stands in ${relative(process.cwd(), join(directory, "stack.json"))}; logs are beside it. Try it, as the free user (the token is good for an hour):

curl -N "${apiUrl}/functions/v1/ai-chat" -H "Authorization: Bearer ${token}" -H "Content-Type: application/json" -d '{"message":"Hello","stream":true}'

Ctrl-C stops everything.`;
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
