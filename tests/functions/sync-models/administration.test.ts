import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  ActivationRule,
  AuditEntry,
  HeldPrice,
  SyncReport,
} from "../../../shared/catalogue/sync-administration.ts";
import { createAdminClient } from "../../support/admin-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type LocalServer, startServer } from "../../support/local-server.ts";
import type { Lock } from "../../support/lock-row.ts";
import { lockSyncs } from "../../support/lock-syncs.ts";
import { type ListedModel, listedModel } from "../../support/model-lists.ts";

const sql = connectDatabase();
const prefix = `admin-sync-${randomUUID()}`;
let catalogue: LocalServer;
let instance: ExtraFunction;
let admin: ReturnType<typeof createAdminClient>;
/** What the catalogue lists. */
let list: ListedModel[] = [];

let lock: Lock;

beforeAll(async () => {
  lock = await lockSyncs(sql);
  catalogue = await startServer((_request, response) => response.end(JSON.stringify({ data: list })));
  instance = await startExtraFunction(
    { OPENROUTER_BASE_URL: `${catalogue.url}/api/v1`, GOOGLE_API_KEY: "" },
    "admin",
  );
  admin = createAdminClient(instance.url);
});
afterAll(async () => {
  await lock.release();
  await instance.stop();
  await catalogue.stop();
});

const model = (name: string, prompt = "0.000001") =>
  listedModel(`${prefix}/${name}`, { pricing: { prompt, completion: "0.000004" } });

/** Runs a sync to its end. */
async function sync(): Promise<SyncReport> {
  const begun = await admin<{ id: string }>("POST", "/syncs", { body: { source: "openrouter" } });
  expect(begun.status).toBe(202);
  const find = async () =>
    (await admin<{ syncs: SyncReport[] }>("GET", `/syncs/${begun.body.id}`)).body.syncs[0] as SyncReport;
  await expect.poll(async () => (await find()).status, { timeout: 20_000 }).not.toBe("running");
  return find();
}

test("an administrator starts a sync, and reads in the log what it did", async () => {
  list = ["one", "two", "three", "four"].map((name) => model(name));
  list.push({ ...model("broken"), context_length: -1 });
  const report = await sync();
  expect(report).toMatchObject({
    ...{
      source: "openrouter",
      status: "succeeded",
      listed: 5,
      added: 4,
      updated: 0,
      inactivated: 0,
      quarantined: 1,
      error: null,
    },
    changes: { added: expect.arrayContaining([`${prefix}/one`]), updated: [], refusal: null },
    quarantine: [{ id: `${prefix}/broken`, reason: "context_length must be at least 1" }],
  });
  expect(report.durationMs).toBeGreaterThanOrEqual(0);
  const { body } = await admin<{ syncs: SyncReport[]; nextCursor: string | null }>("GET", "/syncs?limit=1");
  expect(body.syncs).toEqual([report]);
  const audit = await admin<{ entries: AuditEntry[] }>("GET", `/audit?target=${report.id}`);
  expect(audit.body.entries).toMatchObject([{ action: "sync.start", before: null }]);
});

test("the log is read page by page, also within a run of several sources", async () => {
  const runId = randomUUID();
  const sources = ["anthropic", "google", "openai", "openrouter"];
  await sql`
    insert into private.model_sync_log (run_id, source, status, started_at, finished_at)
    select ${runId}, source, 'succeeded', '2020-01-01', '2020-01-02' from unnest(${sources}::text[]) source`;
  const found: string[] = [];
  let query = "limit=3";
  for (let pages = 0; pages < 50; pages++) {
    const { body } = await admin<{ syncs: SyncReport[]; nextCursor: string | null }>(
      "GET",
      `/syncs?${query}`,
    );
    found.push(...body.syncs.filter(({ id }) => id === runId).map(({ source }) => source));
    if (body.nextCursor === null) break;
    query = `limit=3&cursor=${body.nextCursor}`;
  }
  expect(found).toEqual(sources);
  await sql`delete from private.model_sync_log where run_id = ${runId}`;
});

test("a preview tells what the list would change, and changes nothing", async () => {
  list = [...list, model("new")].map((each) =>
    each.id.endsWith("/one") ? { ...each, name: "Other" } : each,
  );
  const { status, body } = await admin<Record<string, unknown>>("POST", "/syncs/preview", { body: {} });
  expect([status, body]).toMatchObject([
    200,
    {
      listed: 6,
      changes: { added: [`${prefix}/new`], updated: [`${prefix}/one`] },
      quarantine: [{ id: `${prefix}/broken` }],
    },
  ]);
  expect(await sql`select from private.models where id = ${`${prefix}/new`}`).toHaveLength(0);
  const before = list;
  list = [];
  const empty = await admin("POST", "/syncs/preview", { body: {} });
  expect([empty.status, empty.body.error.code, empty.body.error.message]).toEqual([
    ...[502, "feed_unusable", "The list of models is empty."],
  ]);
  list = before.slice(0, 1);
  const refused = await admin<{ changes: { refusal: string } }>("POST", "/syncs/preview", { body: {} });
  expect(refused.body.changes.refusal).toContain("The list lacks 3 of the 4 models");
  list = before;
});

test("a price that waits is shown, and counts when an administrator accepts it", async () => {
  list = list.map((each) => (each.id.endsWith("/two") ? model("two", "0.00009") : each));
  expect(await sync()).toMatchObject({ heldPrices: 1 });
  const waiting = async () =>
    (await admin<{ heldPrices: HeldPrice[] }>("GET", "/held-prices")).body.heldPrices.filter(
      (price) => price.model === `${prefix}/two`,
    );
  const [held] = (await waiting()) as [HeldPrice];
  expect(held).toMatchObject({
    provider: "openrouter",
    from: { inputUsd: "0.000001" },
    to: { inputUsd: "0.00009" },
  });
  const accept = (runId: string) =>
    admin<{ heldPrice: HeldPrice }>("POST", `/held-prices/${held.routeId}/accept`, { body: { runId } });
  // What another run held back is another price.
  expect((await accept(randomUUID())).body.error.code).toBe("price_not_found");
  const accepted = await accept(held.runId);
  expect([accepted.status, accepted.body.heldPrice]).toEqual([200, held]);
  expect(await waiting()).toEqual([]);
  const [price] = await sql`select (private.price_of(${held.routeId})).input_usd::text as usd`;
  expect(price?.usd).toBe("0.00009");
  const again = await accept(held.runId);
  expect([again.status, again.body.error.code]).toEqual([404, "price_not_found"]);
  expect((await sync()).updated).toBe(0);
});

test("changes of an administrator and a sync of the same models do not wait for each other for ever", async () => {
  const ids = list.map(({ id }) => id).filter((id) => !id.endsWith("/broken"));
  for (let round = 0; round < 5; round++) {
    list = list.map((each) => ({ ...each, description: `Round ${round}.` }));
    const [report, ...changes] = await Promise.all([
      sync(),
      ...Array.from({ length: 8 }, (_, index) =>
        admin("PATCH", "/models", { body: { ids: ids.toReversed(), change: { priority: 50 + index } } }),
      ),
    ]);
    expect([report.status, ...changes.map(({ status }) => status)]).toEqual([
      "succeeded",
      ...changes.map(() => 200),
    ]);
  }
});

describe("activation rules", () => {
  test("are added once, shown, used and removed", async () => {
    const rule = { plan: "free", pattern: `${prefix}/%:free`, isFreeOnly: true };
    const add = () => admin<{ rule: ActivationRule }>("POST", "/activation-rules", { body: rule });
    const { status, body } = await add();
    expect([status, body.rule]).toEqual([201, { id: expect.any(Number), ...rule }]);
    expect((await add()).body.rule).toEqual(body.rule);
    const { id } = body.rule;
    const rules = async () =>
      (await admin<{ rules: ActivationRule[] }>("GET", "/activation-rules")).body.rules;
    expect(await rules()).toContainEqual({ id, ...rule });

    list = [...list, { ...model("gift:free"), pricing: { prompt: "0", completion: "0" } }];
    await sync();
    expect(
      await sql`
      select m.status, g.plan_id from private.models m join private.plan_models g on g.model_id = m.id where m.id = ${`${prefix}/gift:free`}`,
    ).toEqual([{ status: "active", plan_id: "free" }]);
    await sql`update private.models set status = 'disabled' where id = ${`${prefix}/gift:free`}`;

    expect((await admin("DELETE", `/activation-rules/${id}`)).status).toBe(204);
    expect(await rules()).not.toContainEqual({ id, ...rule });
    const gone = await admin("DELETE", `/activation-rules/${id}`);
    expect([gone.status, gone.body.error.code]).toEqual([404, "rule_not_found"]);
    const audit = await admin<{ entries: AuditEntry[] }>("GET", `/audit?target=${id}`);
    expect(audit.body.entries.map(({ action }) => action)).toEqual(["rule.remove", "rule.add"]);
  });

  test("of a plan that there is not are refused", async () => {
    const { status, body } = await admin("POST", "/activation-rules", { body: { plan: "nosuch" } });
    expect([status, body.error.param, body.error.message]).toEqual([
      400,
      "plan",
      "plan: there is no nosuch. Nothing was changed.",
    ]);
  });
});

test.each([
  ["GET", `/syncs/${randomUUID()}`, 404, "sync_not_found"],
  ["GET", "/syncs/nonsense", 404, "sync_not_found"],
  ["GET", "/syncs?limit=0", 400, "invalid_request"],
  ["POST", "/held-prices/nonsense/accept", 404, "price_not_found"],
  ["DELETE", "/activation-rules/0", 404, "rule_not_found"],
  ["GET", "/nothing", 404, "not_found"],
])("%s admin%s is a %i", async (method, path, status, code) => {
  const answer = await admin(method, path, method === "POST" ? { body: {} } : {});
  expect([answer.status, answer.body.error.code]).toEqual([status, code]);
});

test("a source without a key cannot be synced or previewed", async () => {
  for (const path of ["/syncs", "/syncs/preview"]) {
    const { status, body } = await admin("POST", path, { body: { source: "google" } });
    expect([status, body.error.code, body.error.param]).toEqual([503, "not_configured", "source"]);
  }
});
