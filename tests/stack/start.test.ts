import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { portsFrom } from "../../local/ports.ts";
import { projectRoot } from "../../local/project.ts";
import { functionSettings } from "../../local/settings.ts";
import type { StackDescription } from "../../local/stack-description.ts";
import { readStartMark } from "../../local/start-mark.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-start-"));
const person = { email: "kept@example.com", password: "correct horse" };
let basePort: number;
/** Of the person, from the first start. */
let accessToken: string | undefined;
let command: ChildProcess | undefined;

beforeAll(async () => {
  basePort = await findBasePort();
});

afterEach(async () => {
  // A test that failed halfway: its whole process group, whatever is left of it.
  if (command?.pid !== undefined && command.stdout?.readableEnded === false) {
    process.kill(-command.pid, "SIGTERM");
    await once(command, "close");
  }
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `npm start` as a terminal does: as the leader of a process group, to which Ctrl-C is sent. */
function npmStart(options: string[] = [], settings: Record<string, string> = {}) {
  const child = spawn(
    "npm",
    ["start", "--", "--directory", directory, "--port", String(basePort), ...options],
    {
      cwd: projectRoot,
      // Whatever the developer has set: an empty setting counts as none, so this never calls a provider that costs money.
      env: { ...process.env, ...Object.fromEntries(functionSettings.map((name) => [name, ""])), ...settings },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  command = child;
  let output = "";
  const exited = once(child, "close").then(([code]) => ({ code: code as number | null, output }));
  const ready = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => {
        output += text;
        if (output.includes("Ctrl-C stops everything")) resolve(output);
      });
    void exited.then(() => reject(new Error(`npm start ended:\n${output}`)));
  });
  ready.catch(() => {});
  return { pid: child.pid as number, exited, ready, output: () => output };
}

function readDescription(): StackDescription {
  return JSON.parse(readFileSync(join(directory, "stack.json"), "utf8")) as StackDescription;
}

function openClient() {
  const { apiUrl, publishableKey } = readDescription();
  return createClient(apiUrl, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });
}

/** What scheduled jobs look up in Vault. */
async function readSecrets(): Promise<Record<string, string>> {
  const sql = postgres(readDescription().dbUrl, { max: 1 });
  const rows = await sql<{ name: string; decrypted_secret: string }[]>`select * from vault.decrypted_secrets`;
  await sql.end();
  return Object.fromEntries(rows.map(({ name, decrypted_secret }) => [name, decrypted_secret]));
}

/** The supervisor and what it started. */
function readRecord(): { pid: number; name: string }[] {
  return JSON.parse(readFileSync(join(directory, "processes.json"), "utf8"));
}

function recordedPids(): number[] {
  return readRecord().map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  return readStartMark(pid) !== undefined;
}

/** A base port whose neighbours are free too, below the range from which systems hand out ports. */
async function findBasePort(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const isFree = await portsFrom(base, 10).then(
      () => true,
      () => false,
    );
    if (isFree) return base;
  }
}

test("a taken port is named, with the remedy, and nothing is started", async () => {
  const holder = createServer().listen(basePort + 1, "127.0.0.1");
  await once(holder, "listening");
  const { code, output } = await npmStart().exited;
  holder.close();
  expect(code).toBe(1);
  expect(output).toContain(`Port ${basePort + 1} is taken`);
  expect(output).toContain("npm start -- --port");
  expect(existsSync(join(directory, "postgres"))).toBe(false);
});

test("an option that does not exist is refused with the usage", async () => {
  const { code, output } = await npmStart(["--prot", "1"]).exited;
  expect(code).not.toBe(0);
  expect(output).toContain("--prot");
  expect(output).toContain("Usage: npm start");
});

test("it prints what stack.json holds, and Ctrl-C leaves no process", async () => {
  const start = npmStart();
  const output = await start.ready;
  const { apiUrl, dbUrl, publishableKey, secretKey, simulatorUrl, stripeUrl, users } = readDescription();
  for (const text of [apiUrl, dbUrl, publishableKey, secretKey, simulatorUrl, stripeUrl, users.free.email])
    expect(output).toContain(text);
  expect(output).toContain("Provider: simulator");
  expect(apiUrl).toBe(`http://127.0.0.1:${basePort}`);
  const { data } = await openClient().auth.signUp(person);
  accessToken = data.session?.access_token;

  const pids = recordedPids();
  // The supervisor, Postgres and PostgREST at least.
  expect(pids.length).toBeGreaterThanOrEqual(3);
  expect(pids.filter(isAlive)).toEqual(pids);
  process.kill(-start.pid, "SIGINT");
  await start.exited;
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(join(directory, "stack.json"))).toBe(false);
  expect(existsSync(join(directory, "processes.json"))).toBe(false);
});

test("the curl that it prints streams a reply, also after the function was killed", async () => {
  const start = npmStart();
  const output = await start.ready;
  const [, url = "", headers = "", body = ""] = /^curl -N "(.*?)" (.*) -d '(.*)'$/m.exec(output) ?? [];
  const call = () =>
    fetch(url, {
      method: "POST",
      headers: [...headers.matchAll(/-H "(.*?): (.*?)"/g)].map(([, name = "", value = ""]) => [name, value]),
      body,
    });
  expect(await (await call()).text()).toContain("event: done");

  const killed = readRecord().find(({ name }) => name === "ai-chat")?.pid ?? 0;
  process.kill(killed, "SIGKILL");
  let response = await call();
  while (response.status === 503) {
    await response.body?.cancel();
    response = await call();
  }
  expect(await response.text()).toContain("event: done");
  expect(readRecord().find(({ name }) => name === "ai-chat")?.pid).not.toBe(killed);
  expect(start.output()).toContain("ai-chat | ended (SIGKILL)");
  process.kill(-start.pid, "SIGINT");
  await start.exited;
});

test("scheduled jobs are run, and find in Vault where the functions are and what lets them in", async () => {
  const functionsUrl = `http://127.0.0.1:${basePort}/functions/v1`;
  const start = npmStart();
  expect(await start.ready).toMatch(/^ {2}schedules /m);
  expect(await readSecrets()).toEqual({
    sluice_functions_url: functionsUrl,
    sluice_job_secret: expect.stringMatching(/^[\w-]{43}$/),
  });
  process.kill(-start.pid, "SIGINT");
  await start.exited;

  const JOB_SECRET = "a secret of the operator's own choice";
  const withSecret = npmStart([], { JOB_SECRET });
  await withSecret.ready;
  expect(await readSecrets()).toEqual({ sluice_functions_url: functionsUrl, sluice_job_secret: JOB_SECRET });
  process.kill(-withSecret.pid, "SIGINT");
  await withSecret.exited;
});

test("a second start finds its data again, and a third beside it is refused", async () => {
  const start = npmStart();
  await start.ready;
  expect((await openClient().auth.getUser(accessToken)).data.user?.email).toBe(person.email);

  const third = await npmStart().exited;
  expect(third.code).toBe(1);
  expect(third.output).toContain(`A stack already runs in ${directory}`);
  expect((await openClient().auth.signInWithPassword(person)).error).toBeNull();

  const pids = recordedPids();
  process.kill(start.pid, "SIGTERM");
  await start.exited;
  expect(pids.filter(isAlive)).toEqual([]);
});

test("after a kill, a start with --reset ends what was left behind and begins empty", async () => {
  const killed = npmStart();
  await killed.ready;
  const [supervisor, ...leftovers] = recordedPids() as [number, ...number[]];
  process.kill(supervisor, "SIGKILL");
  await killed.exited;
  expect(leftovers.filter(isAlive)).toEqual(leftovers);

  const start = npmStart(["--reset"]);
  await start.ready;
  expect(leftovers.filter(isAlive)).toEqual([]);
  const { error } = await openClient().auth.signInWithPassword(person);
  expect(error).toMatchObject({ code: "invalid_credentials" });
  process.kill(-start.pid, "SIGINT");
  await start.exited;
});
