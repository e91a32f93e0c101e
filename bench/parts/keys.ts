import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { functionEnvironment } from "../../local/function-environment.ts";
import { startFunction } from "../../local/functions.ts";
import { projectRoot } from "../../local/project.ts";
import { chooseSettings } from "../../local/settings.ts";
import { startStack } from "../../local/stack.ts";
import type { StackDescription } from "../../local/stack-description.ts";
import { createEnvelopes, type Envelopes } from "../../shared/keys/envelope.ts";
import { type KeyRing, parseKeyRing } from "../../shared/keys/key-ring.ts";
import { measureInTurns, medianOfPairs } from "../in-turns.ts";
import { bringOwnKeys, makeApiKeys } from "../keys/callers.ts";
import { compareRefusals, unknownKey } from "../keys/refusals.ts";
import type { LoadResult } from "../load.ts";
import { loadColumns } from "../load-columns.ts";
import { createPeople, type Person } from "../people.ts";
import { startClient } from "../start-client.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import { aiChatTarget } from "../targets.ts";
import { createModels, short } from "../workloads.ts";
import type { Part } from "./part.ts";

const connections = 64;
const rounds = 7;
const timing = { warmUpMs: 500, durationMs: 2500 };
const sealings = 3000;
const directory = join(projectRoot, ".local", "bench-keys");

interface Row {
  callers: string;
  results: LoadResult[];
  ratio: number;
}

const columns: readonly Column<Row>[] = [
  ["callers", 24, ({ callers }) => callers],
  ...loadColumns("chats"),
  ["× token", 7, ({ ratio }) => format(ratio, 2)],
];

/** What keys cost: chats with own keys and with API keys beside chats with neither, sealing and opening, and what refusals give away. */
export const keys: Part = {
  name: "keys",
  title: `JSON chats of 50 tokens over ${connections} connections: with the platform's key and a token, with keys of the callers' own, and with API keys;
sealing and opening in this process; and how far apart unknown and revoked API keys are refused, in standard errors (Welch's t).`,

  async run() {
    const stack = await startStack({ directory, reset: true, environment: {}, schedules: false });
    const sql = postgres(stack.description.dbUrl, { max: 1, onnotice: () => {} });
    const roots = JSON.stringify({ active: "k1", keys: { k1: randomBytes(32).toString("base64") } });
    const envelopes = createEnvelopes(parseKeyRing(roots) as KeyRing);
    const served = await startChats(stack.description, roots);
    try {
      const platform = await createPeople(sql, stack.signIn, { planId: "bench", count: connections });
      await createModels(sql, "bench");
      const own = await createPeople(sql, stack.signIn, {
        ...{ planId: "bench-own-keys", count: connections, rank: 1001 },
      });
      await sql`
        insert into private.plan_models (plan_id, model_id)
        select 'bench-own-keys', model_id from private.plan_models where plan_id = 'bench'`;
      await bringOwnKeys(sql, envelopes, { planId: "bench-own-keys", people: own });
      const goals = await measureChats(served, [
        ["token, platform's key", platform],
        ["token, own keys", own],
        ["API key, platform's key", await makeApiKeys(sql, platform)],
      ]);
      await showSealing(envelopes);
      goals.push(await measureRefusals(sql, portOf(served), platform));
      return goals;
    } finally {
      await Promise.all([served.stop(), sql.end({ timeout: 1 })]);
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

type Served = Awaited<ReturnType<typeof startChats>>;

async function startChats(stack: StackDescription, roots: string) {
  const keySet = await (await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const { settings } = chooseSettings({ BYOK_KEYS: roots }, stack.simulatorUrl);
  const env = functionEnvironment(stack, keySet, settings);
  return startFunction("ai-chat", { env, logFile: join(directory, "logs", "measured-ai-chat.log") });
}

const portOf = ({ url }: Served) => Number(new URL(url).port);

/** The first group is what the others are measured by. */
async function measureChats(
  served: Served,
  groups: readonly [callers: string, people: Person[]][],
): Promise<Goal[]> {
  const client = startClient();
  const target = aiChatTarget({ name: "ai-chat", pid: served.pid, port: portOf(served) });
  console.log(tableHead(columns));
  const all = await measureInTurns(groups, rounds, async ([callers, people]) => {
    const asked = people.map((person) => target.ask(short.openai, "JSON", person));
    const result = await client.load({
      ...{ port: target.port, ...timing, marker: asked[0]?.marker ?? "" },
      requests: asked.map(({ request }) => request),
    });
    if (result.failed > 0) throw new Error(`${callers}: ${result.failed} failed: ${result.failure}`);
    return result;
  }).finally(client.stop);
  const rows = groups.map(([callers], index): Row => {
    const results = all[index] ?? [];
    const ratio = medianOfPairs(results, all[0] ?? [], (a, b) => a.requestsPerSecond / b.requestsPerSecond);
    return { callers, results, ratio };
  });
  for (const row of rows) console.log(tableRow(columns, row));
  return rows.slice(1).map(({ callers, ratio }) => ({
    ...{ name: `${callers}: throughput beside a token and the platform's key`, figure: ratio },
    ...{ decimals: 2, limit: "at least", value: 0.95 },
  }));
}

/** One after the other, as a function does when a key is new to it. */
async function showSealing({ seal, open }: Envelopes): Promise<void> {
  const bindingOf = (at: number) => ({ owner: "bench", provider: "openai", record: String(at) });
  const sealed: string[] = [];
  const perSecond = async (act: (at: number) => Promise<unknown>) => {
    const startedMs = performance.now();
    for (let at = 0; at < sealings; at++) await act(at);
    return (sealings * 1000) / (performance.now() - startedMs);
  };
  const seals = await perSecond(async (at) =>
    sealed.push(await seal("sk-proj-0123456789abcdef", bindingOf(at))),
  );
  const opens = await perSecond((at) => open(sealed[at] as string, bindingOf(at)));
  console.log(`sealed ${format(seals, 0)}/s, opened ${format(opens, 0)}/s, one after the other`);
}

async function measureRefusals(sql: Sql, port: number, people: Person[]): Promise<Goal> {
  const revoked = await makeApiKeys(sql, people);
  const userIds = people.map(({ userId }) => userId);
  await sql`update private.api_keys set revoked_at = now() where user_id = any (${userIds}::uuid[])`;
  let next = 0;
  const path = "/ai-chat/conversations";
  const t = await compareRefusals(
    port,
    (key) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n\r\n`),
    [unknownKey, async () => revoked[next++ % revoked.length]?.token as string],
  );
  return {
    ...{ name: "unknown and revoked API keys: Welch's t of the times to refuse them", figure: Math.abs(t) },
    ...{ decimals: 2, limit: "at most", value: 5 },
  };
}
