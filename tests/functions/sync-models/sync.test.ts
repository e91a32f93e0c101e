import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { signInAdministrator } from "../../support/administrators.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type LocalServer, startServer } from "../../support/local-server.ts";
import type { Lock } from "../../support/lock-row.ts";
import { lockSyncs } from "../../support/lock-syncs.ts";
import { listedModel } from "../../support/model-lists.ts";
import { makeSecret } from "../../support/secrets.ts";

const sql = connectDatabase();
const jobSecret = makeSecret("job secret");
const prefix = `sync-${randomUUID()}`;
const good = () =>
  [0, 1, 2, 3].map((index) => listedModel(`${prefix}/${index}`, { name: `Model ${names++}` }));
let names = 0;
let catalogue: LocalServer;
let instance: ExtraFunction;
let administrator: string;
/** How the catalogue answers. */
let answer: (response: ServerResponse) => unknown;

const answerWith = (models: unknown) => (response: ServerResponse) =>
  response.setHeader("content-type", "application/json").end(JSON.stringify({ data: models }));

let lock: Lock;

beforeAll(async () => {
  lock = await lockSyncs(sql);
  catalogue = await startServer((request, response) =>
    request.url === "/api/v1/models" ? answer(response) : response.writeHead(404).end(),
  );
  instance = await startInstance();
  administrator = await signInAdministrator();
});
beforeEach(() => {
  answer = answerWith(good());
});
afterEach(async () => {
  await sql`
    update private.model_sync_log set status = 'failed', finished_at = now(), error = 'test' where status = 'running'`;
});
afterAll(async () => {
  await lock.release();
  await instance.stop();
  await catalogue.stop();
});

function startInstance(): Promise<ExtraFunction> {
  return startExtraFunction(
    { JOB_SECRET: jobSecret, OPENROUTER_BASE_URL: `${catalogue.url}/api/v1`, OPENAI_API_KEY: "" },
    "sync-models",
  );
}

interface Answer {
  status: number;
  headers: Headers;
  body: {
    id: string;
    sources: string[];
    startedAt: string;
    error: { code: string; param: string; message: string; run: object };
  };
}

async function call(
  authorization: string | null = `Bearer ${jobSecret}`,
  { body = '{"source":"openrouter"}', method = "POST", headers = {}, url = instance.url } = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    ...(method === "GET" ? {} : { body }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer["body"],
  };
}

/** Waits for the end of a run, and returns its row. */
async function rowOf(runId: string) {
  const find = async () => {
    const [row] = await sql`select * from private.model_sync_log where run_id = ${runId}`;
    return row;
  };
  await expect.poll(async () => (await find())?.status, { timeout: 20_000 }).not.toBe("running");
  return find();
}

async function sync() {
  const { status, body } = await call();
  expect([status, body]).toEqual([
    202,
    { id: expect.any(String), sources: ["openrouter"], startedAt: expect.stringMatching(/Z$/) },
  ]);
  return rowOf(body.id);
}

const readModels = () => sql`
  select m.id, m.name, m.status, r.listing, p.input_usd from private.models m
  left join private.model_routes r on r.model_id = m.id left join private.route_prices p on p.route_id = r.id
  where m.id like ${`${prefix}/%`} order by m.id`;

test("a job starts a run, is answered at once with its id, and the catalogue follows", async () => {
  const row = await sync();
  expect(row).toMatchObject({
    source: "openrouter",
    status: "succeeded",
    listed: 4,
    quarantined: 0,
    error: null,
  });
  expect(await readModels()).toMatchObject(
    [0, 1, 2, 3].map((index) => ({ id: `${prefix}/${index}`, listing: "listed" })),
  );
  const line = instance.lines.find((text) => text.includes('"model_sync"') && text.includes(row?.run_id));
  expect(JSON.parse(line ?? "{}")).toMatchObject({ source: "openrouter", status: "succeeded", listed: 4 });
});

test("an administrator may start one, too", async () => {
  const { status, body } = await call(`Bearer ${administrator}`);
  expect([status, await rowOf(body.id)]).toMatchObject([202, { status: "succeeded" }]);
});

test("an empty body means every source that is configured", async () => {
  const { status, body } = await call(undefined, { body: "" });
  expect([status, body.sources]).toEqual([202, expect.arrayContaining(["openrouter"])]);
  await rowOf(body.id);
});

const megabyte = " ".repeat(1024 * 1024);

test.each<[string, (response: ServerResponse) => unknown, string]>([
  ["an error", (response) => response.writeHead(500).end("canary"), "the provider answered 500"],
  ["a page of HTML", (response) => response.end("<!doctype html>"), "The list is not JSON."],
  [
    "half of the list",
    (response) => response.end(JSON.stringify({ data: good() }).slice(0, 1000)),
    "The list is not JSON.",
  ],
  ["a connection that breaks", (response) => response.write('{"data":[') && response.destroy(), "broke off"],
  [
    "200 MB",
    (response) =>
      pipeline(Readable.from(['{"data":[', ...Array(200).fill(megabyte), "]}"]), response).catch(() => {}),
    "The list is larger than 16 MiB.",
  ],
  ["an empty list", answerWith([]), "The list of models is empty."],
  ["another type", answerWith({ models: 3 }), "The list of models must be a list."],
  ["models of another type", answerWith([1, "two", null]), "None of the 3 models that are listed is valid."],
  [
    "less than it had",
    answerWith([listedModel(`${prefix}/0`)]),
    "The list lacks 3 of the 4 models that the last one had",
  ],
])("a catalogue that answers with %s changes nothing, and the log says so", async (_, fault, reason) => {
  await sync();
  const before = await readModels();
  expect(before).toHaveLength(4);
  answer = fault;
  const row = await sync();
  expect(row).toMatchObject({
    status: "failed",
    error: expect.stringContaining(reason),
    added: 0,
    changes: null,
  });
  expect(row?.error).not.toContain("canary");
  expect(await readModels()).toEqual(before);
});

test("with a key a provider's own list is read, and one source that fails does not keep the others back", async () => {
  const { simulatorUrl } = inject("stack");
  const both = await startExtraFunction(
    {
      ...{
        JOB_SECRET: jobSecret,
        OPENROUTER_BASE_URL: `${catalogue.url}/api/v1`,
        ANTHROPIC_API_KEY: "sk-invalid",
      },
      ...{ OPENAI_BASE_URL: `${simulatorUrl}/openai/v1`, GOOGLE_API_KEY: "" },
    },
    "sync-models",
  );
  answer = (response) => response.writeHead(503).end();
  const { status, body } = await call(undefined, { body: "{}", url: both.url });
  expect([status, body.sources]).toEqual([202, ["openrouter", "openai", "anthropic"]]);
  const rows = () =>
    sql`select source, status, error from private.model_sync_log where run_id = ${body.id} order by source`;
  await expect
    .poll(async () => (await rows()).map(({ status: now }) => now), { timeout: 20_000 })
    .not.toContain("running");
  expect(await rows()).toEqual([
    {
      source: "anthropic",
      status: "failed",
      error: "The list could not be fetched: the provider does not accept the key.",
    },
    { source: "openai", status: "succeeded", error: null },
    {
      source: "openrouter",
      status: "failed",
      error: "The list could not be fetched: the provider answered 503.",
    },
  ]);
  await both.stop();
});

test("while a run is under way another is refused with its id, and may begin when it is over", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  answer = asked.resolve;
  const first = await call();
  const second = await call(`Bearer ${administrator}`);
  expect([first.status, second.status, second.body.error.code, second.body.error.run]).toEqual([
    ...[202, 409, "sync_running"],
    { id: first.body.id, startedAt: first.body.startedAt },
  ]);
  expect(second.headers.get("retry-after")).toBe("10");
  answerWith(good())(await asked.promise);
  expect(await rowOf(first.body.id)).toMatchObject({ status: "succeeded" });
  answer = answerWith(good());
  expect(await sync()).toMatchObject({ status: "succeeded" });
});

test("of two that come at once one begins", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  answer = asked.resolve;
  const answers = await Promise.all([call(), call(), call(), call()]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409, 409]);
  answerWith(good())(await asked.promise);
  await rowOf(answers.find(({ status }) => status === 202)?.body.id ?? "");
});

test("a function that is killed in the middle of a run leaves the catalogue as it was, and the log tells", async () => {
  await sync();
  const before = await readModels();
  const dying = await startInstance();
  const asked = Promise.withResolvers<ServerResponse>();
  answer = asked.resolve;
  const { body } = await call(undefined, { url: dying.url });
  await asked.promise;
  await dying.kill();
  expect((await call()).status).toBe(409);
  // Ten minutes later.
  await sql`update private.model_sync_log set started_at = started_at - interval '11 minutes' where run_id = ${body.id}`;
  expect(await readModels()).toEqual(before);
  answer = answerWith(good());
  expect(await sync()).toMatchObject({ status: "succeeded", updated: 4 });
  expect(await rowOf(body.id)).toMatchObject({
    status: "failed",
    error: "The function that ran it ended before it was over.",
  });
});
