import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import type { AdministeredModel } from "../../../shared/catalogue/model-administration.ts";
import type { AuditEntry } from "../../../shared/catalogue/sync-administration.ts";
import { createAdminClient } from "../../support/admin-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type Person, setPlan, signUp } from "../../support/people.ts";
import { makeModel, makeModels, makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const admin = createAdminClient();
let person: Person;
let planId: string;

beforeAll(async () => {
  person = await signUp();
  planId = await makePlan(sql, {});
  await setPlan(sql, person.userId, planId);
});

const find = async (id: string) =>
  (await admin<{ model: AdministeredModel }>("GET", `/models/${id}`)).body.model;
const change = (id: string, body: unknown) =>
  admin<{ model: AdministeredModel }>("PATCH", `/models/${encodeURIComponent(id)}`, { body });
const auditOf = async (target: string) =>
  (await admin<{ entries: AuditEntry[] }>("GET", `/audit?target=${encodeURIComponent(target)}`)).body.entries;

test("all there is about a model is shown, with plans, limits, routes and prices", async () => {
  const id = await makeModel(sql, {
    routes: [{ provider: "openai" }, { provider: "google", priority: 5, isEnabled: false }],
  });
  await sql`insert into private.plan_models (plan_id, model_id, is_default) values (${planId}, ${id}, true)`;
  await sql`insert into private.model_limits (model_id, unit, "window", amount) values (${id}, 'requests', 'day', 7)`;
  const model = await find(id);
  expect(model).toMatchObject({
    ...{
      id,
      status: "active",
      statusBefore: null,
      priority: 100,
      listedPrice: {},
      lastSyncedAt: null,
      rating: null,
    },
    plans: [{ id: planId, isDefault: true }],
    limits: [{ unit: "requests", window: "day", amount: 7 }],
    routes: [
      {
        ...{
          provider: "openai",
          upstreamModel: "gpt-4o-mini",
          priority: 0,
          weight: 1,
          isEnabled: true,
          listing: "unknown",
        },
        price: { inputUsd: "0.00000015", outputUsd: "0.0000006", tiers: [] },
        heldPrice: null,
      },
      { provider: "google", isEnabled: false },
    ],
  });
  await sql`delete from private.plan_models where model_id = ${id}`;
});

test("models of any status are listed page by page, by what they are", async () => {
  const word = randomUUID();
  const ids = (await makeModels(sql, [{}, {}, {}])).toSorted();
  await sql`update private.models set name = ${`x ${word}`}, category = 'coding', status = 'new' where id in ${sql(ids)}`;
  await sql`insert into private.plan_models (plan_id, model_id) values (${planId}, ${ids[1] as string})`;
  const list = async (query: string) => {
    const { body } = await admin<{ models: AdministeredModel[]; nextCursor: string | null }>(
      "GET",
      `/models?${query}`,
    );
    return { ids: body.models.map(({ id }) => id), nextCursor: body.nextCursor };
  };
  const first = await list(`search=${word.toUpperCase()}&limit=2&status=new&category=coding`);
  expect(first).toEqual({ ids: ids.slice(0, 2), nextCursor: expect.any(String) });
  expect(await list(`search=${word}&limit=2&cursor=${first.nextCursor}`)).toEqual({
    ids: ids.slice(2),
    nextCursor: null,
  });
  expect((await list(`search=${word}&plan=${planId}`)).ids).toEqual([ids[1]]);
  expect((await list(`search=${word}&provider=google`)).ids).toEqual([]);
  expect((await list(`search=${word}&status=active`)).ids).toEqual([]);
});

test("what an administrator decides counts from the next request on, and is taken down with what was before", async () => {
  const id = await makeModel(sql);
  await sql`update private.models set status = 'new' where id = ${id}`;
  const chat = createChatClient();
  const ask = async () => (await chat.ask(person, { message: "Hi", model: id })).status;
  expect(await ask()).toBe(404);
  const { status, body } = await change(id, {
    ...{
      status: "active",
      priority: 3,
      category: "coding",
      tags: ["fast"],
      imageTokens: 900,
      firstTokenMs: 60_000,
      routeOrder: "cheapest",
    },
    plans: { add: [planId] },
    limits: [{ unit: "requests", window: "day", amount: 1 }],
  });
  expect([status, body.model]).toMatchObject([
    200,
    {
      ...{
        status: "active",
        priority: 3,
        category: "coding",
        tags: ["fast"],
        imageTokens: 900,
        firstTokenMs: 60_000,
      },
      ...{ routeOrder: "cheapest", plans: [{ id: planId, isDefault: false }] },
      limits: [{ unit: "requests", window: "day", amount: 1 }],
    },
  ]);
  expect([await ask(), await ask()]).toEqual([200, 402]);
  await change(id, {
    limits: [{ unit: "requests", window: "day", amount: null }],
    category: null,
    firstTokenMs: null,
  });
  expect(await find(id)).toMatchObject({ limits: [], category: null, firstTokenMs: null, priority: 3 });
  expect(await ask()).toBe(200);
  await change(id, { plans: { remove: [planId] } });
  expect(await ask()).toBe(403);
  await change(id, { status: "disabled" });
  expect(await ask()).toBe(404);

  const entries = await auditOf(id);
  expect(entries).toHaveLength(4);
  const [{ id: adminId }] = await sql<
    [{ id: string }]
  >`select id from auth.users where email = 'admin@sluice.local'`;
  expect(entries.at(-1)).toMatchObject({
    ...{ actorId: adminId, action: "model.change", target: id },
    ...{ change: { status: "active", priority: 3 }, before: { status: "new", priority: 100, plans: [] } },
  });
  expect(entries[0]).toMatchObject({ change: { status: "disabled" }, before: { status: "active" } });
});

test("one model can be the default of a plan: the last one that was named", async () => {
  const [one, other] = (await makeModels(sql, [{}, {}])) as [string, string];
  await change(one, { plans: { add: [planId], defaultOf: [planId] } });
  // To be the default of a plan is to be in it.
  await change(other, { plans: { defaultOf: [planId] } });
  expect([(await find(one)).plans, (await find(other)).plans]).toEqual([
    [{ id: planId, isDefault: false }],
    [{ id: planId, isDefault: true }],
  ]);
  await sql`delete from private.plan_models where plan_id = ${planId}`;
});

test("an inactive model that is made active stays so, and comes back as nothing else", async () => {
  const id = await makeModel(sql);
  await sql`update private.models set status = 'inactive', status_before = 'new' where id = ${id}`;
  expect((await change(id, { status: "active" })).body.model).toMatchObject({
    status: "active",
    statusBefore: null,
  });
});

test("many models are changed at once, all or none", async () => {
  const ids = (
    await makeModels(
      sql,
      Array.from({ length: 5 }, () => ({})),
    )
  ).toSorted();
  const { status, body } = await admin<{ models: AdministeredModel[] }>("PATCH", "/models", {
    body: { ids: [...ids, ids[0]], change: { status: "disabled", tags: ["old"] } },
  });
  expect([status, body.models.map(({ id, status: now, tags }) => [id, now, tags])]).toEqual([
    200,
    ids.map((id) => [id, "disabled", ["old"]]),
  ]);
  expect(await auditOf(ids[3] as string)).toHaveLength(1);
  for (const [broken, code, param] of [
    [{ ids: [...ids, "no/such"], change: { status: "active" } }, "model_not_found", null],
    [{ ids, change: { status: "active", plans: { add: ["nosuch"] } } }, "invalid_request", "plans"],
    [{ ids, change: { plans: { defaultOf: [planId] } } }, "invalid_request", "change.plans.defaultOf"],
  ] as const) {
    const refused = await admin("PATCH", "/models", { body: broken });
    expect([refused.body.error.code, refused.body.error.param]).toEqual([code, param]);
  }
  expect((await find(ids[0] as string)).status).toBe("disabled");
});

test("the audit log is read page by page, and its rows cannot be changed", async () => {
  const id = await makeModel(sql);
  for (const priority of [1, 2, 3]) await change(id, { priority });
  const read = async (query: string) => {
    const { body } = await admin<{ entries: AuditEntry[]; nextCursor: string | null }>(
      "GET",
      `/audit?target=${id}&${query}`,
    );
    return {
      priorities: body.entries.map(({ change: { priority } }) => priority),
      nextCursor: body.nextCursor,
    };
  };
  const first = await read("limit=2");
  expect(first).toEqual({ priorities: [3, 2], nextCursor: expect.any(String) });
  expect(await read(`limit=2&cursor=${first.nextCursor}`)).toEqual({ priorities: [1], nextCursor: null });
  await expect(sql`update private.audit_log set target = 'x'`).rejects.toThrow("never changed");
  expect((await admin("GET", "/audit?cursor=nonsense")).body.error.param).toBe("cursor");
});
