import { rmSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { signRoleToken } from "../../local/auth/tokens.ts";
import { startChild } from "../../local/child-process.ts";
import { functionEnvironment } from "../../local/function-environment.ts";
import { startFunction } from "../../local/functions.ts";
import { loadKeys, publicKeySet } from "../../local/keys.ts";
import { freePort } from "../../local/ports.ts";
import { databaseUrl } from "../../local/postgres.ts";
import { startPostgrest } from "../../local/postgrest.ts";
import { projectRoot } from "../../local/project.ts";
import { startStack } from "../../local/stack.ts";
import { measureInTurns, medianOfPairs } from "../in-turns.ts";
import type { LoadResult } from "../load.ts";
import { loadColumns } from "../load-columns.ts";
import { addModels, readRows } from "../models/catalogue.ts";
import { startClient } from "../start-client.ts";
import { type Column, format, type Goal, tableHead, tableRow } from "../table.ts";
import type { Part } from "./part.ts";

const sizes = [371, 5000];
const connections = 16;
const rounds = 5;
const timing = { warmUpMs: 500, durationMs: 2000 };
const planId = "bench-models";
const directory = join(projectRoot, ".local", "bench-models");

/** A request, and what a right answer to it is. */
interface Asked {
  name: string;
  port: number;
  request: Uint8Array;
  status: number;
  marker: string;
}

interface Row {
  models: number;
  name: string;
  results: LoadResult[];
  ratio: number;
}

const columns: readonly Column<Row>[] = [
  ["models", 6, ({ models }) => String(models)],
  ["server", 16, ({ name }) => name],
  ...loadColumns("requests"),
  ["× select", 8, ({ ratio }) => format(ratio, 2)],
];

/** `GET models` beside what PostgREST alone does with the same rows. */
export const models: Part = {
  name: "models",
  title: `GET models over ${connections} connections, whole and where the client has it already, beside a bare select of the same rows from PostgREST,
which checks a token, too, but no plan, and has prices and limits in its rows already. The function is called without the stack's
gateway, PostgREST as well; between them there is the gateway.`,

  async run() {
    const stack = await startStack({ directory, reset: true, environment: {}, schedules: false });
    const sql = postgres(stack.description.dbUrl, { max: 1, onnotice: () => {} });
    const client = startClient();
    const served = await startModels(stack.description);
    const select = await startSelect(stack.description.dbUrl);
    try {
      const token = await stack.signIn(stack.description.users.pro.email);
      await putOnPlan(sql, stack.description.users.pro.email);
      console.log(tableHead(columns));
      const goals: Goal[] = [];
      for (const size of sizes) {
        await addModels(sql, planId, size);
        await readRows(sql, planId);
        const port = Number(new URL(served.url).port);
        const etag = await readEtag(served.url, token);
        const head = [`authorization: Bearer ${token}`];
        const asked: Asked[] = [
          {
            ...{
              name: "PostgREST",
              port: select.port,
              status: 200,
              marker: `"bench/model-${size - 1}"`,
            },
            request: get("/bench_models?select=*", [`authorization: Bearer ${select.token}`]),
          },
          {
            name: "models, 200",
            port,
            status: 200,
            marker: `"bench/model-${size - 1}"`,
            request: get("/models", head),
          },
          {
            name: "models, 304",
            port,
            status: 304,
            marker: "",
            request: get("/models", [...head, `if-none-match: ${etag}`]),
          },
        ];
        const all = await measureInTurns(asked, rounds, async ({ request, ...load }) => {
          const result = await client.load({
            ...{ ...load, ...timing, requests: Array.from({ length: connections }, () => request) },
          });
          if (result.failed > 0) throw new Error(`${load.name}: ${result.failed} failed: ${result.failure}`);
          return result;
        });
        const bare = all[0] ?? [];
        for (const [index, { name }] of asked.entries()) {
          const results = all[index] ?? [];
          const ratio = medianOfPairs(results, bare, (a, b) => a.requestsPerSecond / b.requestsPerSecond);
          console.log(tableRow(columns, { models: size, name, results, ratio }));
          if (index > 0)
            goals.push({
              ...{ name: `${size} models, ${name}: throughput, times a bare select's`, figure: ratio },
              ...{ decimals: 2, limit: "at least", value: index === 1 ? 0.5 : 1 },
            });
        }
      }
      return goals;
    } finally {
      await Promise.all([client.stop(), served.stop(), select.stop(), sql.end({ timeout: 1 })]);
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function startModels(stack: Parameters<typeof functionEnvironment>[0]) {
  const keySet = await (await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const env = functionEnvironment(stack, keySet, {});
  return startFunction("models", { env, logFile: join(directory, "logs", "measured-models.log") });
}

/** A PostgREST of its own, without the stack's limit of a thousand rows. */
async function startSelect(dbUrl: string) {
  const keys = await loadKeys(directory);
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = await startPostgrest({
    databaseUrl: databaseUrl("authenticator", keys.databasePassword, Number(new URL(dbUrl).port)),
    keySet: JSON.stringify(publicKeySet(keys)),
    ...{
      port,
      adminPort,
      maxRows: Math.max(...sizes),
      logDirectory: join(directory, "logs"),
      start: startChild,
    },
  });
  return { port, token: await signRoleToken(keys, "service_role"), stop: child.stop };
}

async function putOnPlan(sql: Sql, email: string): Promise<void> {
  await sql`insert into private.plans (id, name, rank) values (${planId}, 'Bench', 1000)`;
  await sql`
    update private.accounts set plan_id = ${planId} where user_id = (select id from auth.users where email = ${email})`;
}

async function readEtag(url: string, token: string): Promise<string> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  const etag = response.headers.get("etag");
  if (etag === null) throw new Error(`GET models answered ${response.status} without an etag.`);
  return etag;
}

function get(path: string, headers: string[]): Uint8Array {
  return Buffer.from([`GET ${path} HTTP/1.1`, "host: 127.0.0.1", ...headers, "", ""].join("\r\n"));
}
