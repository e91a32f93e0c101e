import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { beginSession } from "./auth/sessions.ts";
import { createSignIn } from "./auth/sign-in.ts";
import { createTokens, signRoleToken } from "./auth/tokens.ts";
import { findUserByEmail } from "./auth/users.ts";
import type { Child } from "./child-process.ts";
import { compareWithStripe } from "./compare-with-stripe.ts";
import { demoUsers } from "./demo-users.ts";
import { fillDatabase } from "./fill-database.ts";
import { functionEnvironment } from "./function-environment.ts";
import { listFunctions, startFunction } from "./functions.ts";
import { startGateway } from "./gateway.ts";
import { keepRunning } from "./keep-running.ts";
import { loadKeys, publicKeySet } from "./keys.ts";
import { beginLifetime, type Lifetime } from "./lifetime.ts";
import { checkMigrations } from "./migration-record.ts";
import { applyMigrations } from "./migrations.ts";
import { freePorts, portsFrom } from "./ports.ts";
import { databaseUrl, startPostgres } from "./postgres.ts";
import { startPostgrest } from "./postgrest.ts";
import { claimDirectory } from "./process-record.ts";
import { startJobRunner } from "./schedules/job-runner.ts";
import { chooseSettings, type Environment } from "./settings.ts";
import { startSimulator } from "./simulator/simulator.ts";
import type { StackDescription } from "./stack-description.ts";
import { startPayments } from "./stripe/start-payments.ts";
import { whenAborted } from "./when-aborted.ts";

export interface StackOptions {
  /** Where it keeps its data, keys, logs and `stack.json`; one stack at a time. */
  directory: string;
  /** The first of its ports; without it, ports that are free. */
  basePort?: number;
  /** Whether to begin with an empty database. */
  reset?: boolean;
  /** Where functions' settings are looked up. */
  environment: Environment;
  /** Whether scheduled jobs are run when they are due, which they are unless this is false. */
  schedules?: boolean;
  /** Stops the stack, also while it starts. */
  signal?: AbortSignal;
  /** Told of each part that has started, and how long that took. */
  onStep?: (part: string, durationMs: number) => void;
  /** Given each line that a function writes, and told of parts that end unasked and of jobs that fail. */
  onLine?: (part: string, line: string) => void;
}

export interface Stack {
  description: StackDescription;
  /** Which provider functions call, in words. */
  provider: string;
  /** Signs a user in without their password and returns an access token. */
  signIn(email: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the whole backend on 127.0.0.1, without Docker. Throws, with nothing left running, when a part does not start. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { directory, signal = new AbortController().signal } = options;
  const lifetime = beginLifetime(await claimDirectory(directory));
  // A part that waits for another, which is stopped under it, might wait for ever: its start is given up, not waited for.
  const aborted = whenAborted(signal)
    .then(lifetime.end)
    .then(() => Promise.reject(signal.reason));
  try {
    return await Promise.race([startParts(options, lifetime), aborted]);
  } catch (error) {
    await lifetime.end();
    throw error;
  }
}

async function startParts(options: StackOptions, lifetime: Lifetime): Promise<Stack> {
  const { directory, basePort, onStep, onLine } = options;
  const { start, own } = lifetime;
  const logDirectory = join(directory, "logs");
  // What a killed stack left behind would be taken for the address of this one.
  rmSync(join(directory, "stack.json"), { force: true });
  rmSync(logDirectory, { recursive: true, force: true });
  mkdirSync(logDirectory, { recursive: true });
  if (options.reset)
    for (const kept of ["postgres", "stripe.json"])
      rmSync(join(directory, kept), { recursive: true, force: true });
  const migrationRecord = checkMigrations(directory);

  const functionNames = listFunctions();
  const ports = await (basePort === undefined
    ? freePorts(functionNames.length)
    : portsFrom(basePort, functionNames.length));
  const functionPorts = new Map(functionNames.map((name, index) => [name, ports.functions[index] as number]));
  const keys = await loadKeys(directory);
  const keySet = publicKeySet(keys);
  const urlFor = (role: string) => databaseUrl(role, keys.databasePassword, ports.postgres);

  const simulator = await step("simulator", own(startSimulator({ port: ports.simulator })));
  const { settings, provider } = chooseSettings(options.environment, simulator.url);
  const jobSecret = settings.JOB_SECRET ?? keys.jobSecret;
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  const payments = settings.STRIPE_SECRET_KEY
    ? null
    : await step("payments", own(startPayments({ directory, port: ports.stripe, apiUrl, keys })));
  const description: StackDescription = {
    apiUrl,
    dbUrl: urlFor("postgres"),
    publishableKey: keys.publishableKey,
    secretKey: keys.secretKey,
    simulatorUrl: simulator.url,
    stripeUrl: payments?.url ?? null,
    users: demoUsers,
  };

  const tokens = await createTokens(keys, `${description.apiUrl}/auth/v1`);
  const sql = postgres(urlFor("supabase_auth_admin"), { max: 4, onnotice: () => {} });
  await own({ stop: () => sql.end({ timeout: 1 }) });
  await own(
    startGateway({
      port: ports.api,
      functionPorts,
      postgrestPort: ports.postgrest,
      keys,
      roleTokens: {
        anon: await signRoleToken(keys, "anon"),
        service_role: await signRoleToken(keys, "service_role"),
      },
      signIn: createSignIn({ sql, tokens, keySet }),
    }),
  );

  const env = functionEnvironment(description, keySet, {
    BYOK_KEYS: keys.keyRing,
    BYOK_FINGERPRINT_KEY: keys.fingerprintKey,
    BILLING_RETURN_URLS: `${apiUrl}/plans`,
    ...payments?.settings,
    ...settings,
    JOB_SECRET: jobSecret,
  });
  await Promise.all([startDatabase(), ...functionNames.map(startOneFunction)]);
  const failure = await step("prices", compareWithStripe(description.apiUrl, jobSecret));
  if (failure !== null) onLine?.("billing", failure);
  // Last: its jobs call functions.
  const report = (line: string) => onLine?.("schedules", line);
  if (options.schedules ?? true) await step("schedules", own(startJobRunner({ urlFor, report })));
  await own(publish(description, join(directory, "stack.json")));
  return { description, provider, signIn, stop: lifetime.end };

  async function startDatabase(): Promise<void> {
    const password = keys.databasePassword;
    watch(
      await step(
        "Postgres",
        startPostgres({ directory, port: ports.postgres, password, logDirectory, start }),
      ),
    );
    await step("migrations", applyMigrations({ databaseUrl: description.dbUrl, logDirectory, start }));
    migrationRecord.remember();
    const [postgrest] = await Promise.all([
      step(
        "PostgREST",
        startPostgrest({
          databaseUrl: urlFor("authenticator"),
          keySet: JSON.stringify(keySet),
          port: ports.postgrest,
          adminPort: ports.postgrestAdmin,
          logDirectory,
          start,
        }),
      ),
      step(
        "users",
        fillDatabase(description.dbUrl, {
          sluice_functions_url: `${description.apiUrl}/functions/v1`,
          sluice_job_secret: jobSecret,
        }),
      ),
    ]);
    watch(postgrest);
  }

  async function startOneFunction(name: string): Promise<void> {
    const tell = (line: string) => onLine?.(name, line);
    const logFile = join(logDirectory, `${name}.log`);
    const port = functionPorts.get(name) as number;
    await step(
      name,
      keepRunning(
        () => startFunction(name, { env, port, logFile, onLine: onLine && tell, start }),
        tell,
        lifetime.ending,
      ),
    );
  }

  /** Nothing restarts the database: tests stop it on purpose, and a person should see why it ended. */
  function watch(child: Child): void {
    void child.exited.then((how) => {
      if (!lifetime.ending.aborted)
        onLine?.(child.name, `ended (${how}); see ${logDirectory}, then start again`);
    });
  }

  async function signIn(email: string): Promise<string> {
    const user = await findUserByEmail(sql, email);
    if (!user) throw new Error(`There is no user ${email}.`);
    return (await beginSession(sql, tokens, user.id)).access_token;
  }

  async function step<T>(part: string, starting: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const started = await starting;
    onStep?.(part, performance.now() - startedAt);
    return started;
  }
}

/** Writes `stack.json`, whole or not at all; it is removed when the stack stops. */
function publish(description: StackDescription, file: string): { stop(): Promise<void> } {
  writeFileSync(`${file}.new`, `${JSON.stringify(description, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { stop: async () => rmSync(file, { force: true }) };
}
