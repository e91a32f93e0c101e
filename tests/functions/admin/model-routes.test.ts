import { describe, expect, test } from "vitest";
import type { AdministeredModel } from "../../../shared/catalogue/model-administration.ts";
import type { AuditEntry } from "../../../shared/catalogue/sync-administration.ts";
import { createAdminClient } from "../../support/admin-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { makeModel, makeModels } from "../../support/test-models.ts";

const sql = connectDatabase();
const admin = createAdminClient();

const find = async (id: string) =>
  (await admin<{ model: AdministeredModel }>("GET", `/models/${id}`)).body.model;
const change = (id: string, body: unknown) =>
  admin<{ model: AdministeredModel }>("PATCH", `/models/${encodeURIComponent(id)}`, { body });
const auditOf = async (target: string) =>
  (await admin<{ entries: AuditEntry[] }>("GET", `/audit?target=${encodeURIComponent(target)}`)).body.entries;

describe("routes", () => {
  const price = {
    inputUsd: "0.000002",
    cacheReadUsd: "0.000001",
    cacheWriteUsd: "0.000002",
    outputUsd: "0.000008",
  };

  test("are switched off, weighed, priced and added, each price exact and from now on", async () => {
    const id = await makeModel(sql);
    const [route] = (await find(id)).routes;
    const { status, body } = await change(id, {
      routes: [
        {
          id: route?.id,
          isEnabled: false,
          weight: 7,
          priority: 9,
          contextTokens: 4000,
          price: { ...price, inputUsd: "0.00000008333333333333334" },
        },
        {
          ...{ provider: "anthropic", upstreamModel: "claude-x", priority: 1 },
          price: {
            ...price,
            requestUsd: "0.005",
            tiers: [{ ...price, minPromptTokens: 200_000, utcFrom: "08:00" }],
          },
        },
      ],
    });
    expect(status).toBe(200);
    expect(body.model.routes).toMatchObject([
      {
        ...{
          provider: "anthropic",
          upstreamModel: "claude-x",
          priority: 1,
          weight: 1,
          isEnabled: true,
          contextTokens: null,
        },
        price: {
          ...{ ...price, requestUsd: "0.005", reasoningUsd: null },
          tiers: [
            { ...price, minPromptTokens: 200_000, utcFrom: "08:00", utcUntil: "24:00", requestUsd: "0" },
          ],
        },
      },
      {
        ...{ provider: "openai", priority: 9, weight: 7, isEnabled: false, contextTokens: 4000 },
        price: { inputUsd: "0.00000008333333333333334" },
      },
    ]);
  });

  test("bring a model back that nobody had any more", async () => {
    const id = await makeModel(sql);
    await sql`update private.models set status = 'inactive', status_before = 'active' where id = ${id}`;
    await sql`update private.model_routes set listing = 'missing', last_seen_at = now() where model_id = ${id}`;
    const { body } = await change(id, { routes: [{ provider: "google", upstreamModel: "x", price }] });
    expect(body.model).toMatchObject({ status: "active", statusBefore: null });
  });

  test("of another model, or that there are already, are refused, and nothing is changed", async () => {
    const [id, other] = (await makeModels(sql, [{}, {}])) as [string, string];
    const [foreign] = (await find(other)).routes;
    for (const route of [
      { id: foreign?.id, weight: 2 },
      { provider: "openai", upstreamModel: "gpt-4o-mini" },
    ]) {
      const { status, body } = await change(id, { priority: 1, routes: [route] });
      expect([status, body.error.code, body.error.param]).toEqual([400, "invalid_request", "routes"]);
    }
    expect((await find(id)).priority).toBe(100);
    expect(await auditOf(id)).toEqual([]);
  });
});

test.each<[body: Record<string, unknown>, param: string | null]>([
  [{}, null],
  [{ status: "inactive" }, "status"],
  [{ status: "gone" }, "status"],
  [{ priority: 1.5 }, "priority"],
  [{ category: "Not This" }, "category"],
  [{ tags: ["x".repeat(41)] }, "tags.0"],
  [{ limits: [{ unit: "requests", window: "minute", amount: 0 }] }, "limits.0.amount"],
  [{ limits: [{ unit: "requests", window: "instant", amount: 1 }] }, "limits.0.window"],
  [
    {
      limits: [
        { unit: "tokens", window: "day", amount: 1 },
        { unit: "tokens", window: "day", amount: 2 },
      ],
    },
    "limits",
  ],
  [
    {
      routes: [
        { id: 1, weight: 2 },
        { id: 1, weight: 3 },
      ],
    },
    "routes",
  ],
  [{ plans: { set: [] } }, "plans.set"],
  [{ name: "Other" }, "name"],
  [{ routes: [{ id: 1, price: { inputUsd: 0.1 } }] }, "routes.0.price.inputUsd"],
  [
    { routes: [{ id: 1, price: { inputUsd: "-1", cacheReadUsd: "0", cacheWriteUsd: "0", outputUsd: "0" } }] },
    "routes.0.price.inputUsd",
  ],
  [{ routes: [{ provider: "Open AI", upstreamModel: "x" }] }, "routes.0.provider"],
])("%j is refused, naming the field", async (body, param) => {
  const { status, body: answer } = await change("any/model", body);
  expect([status, answer.error.code, answer.error.param]).toEqual([400, "invalid_request", param]);
});

test("a model that there is not cannot be read or changed", async () => {
  for (const answer of [await admin("GET", "/models/no/such"), await change("no/such", { priority: 1 })])
    expect([answer.status, answer.body.error.code]).toEqual([404, "model_not_found"]);
});
