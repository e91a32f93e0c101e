import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { readOpenRouterFeed } from "../../shared/catalogue/openrouter-feed.ts";
import { connectClockDatabase } from "../support/clock-database.ts";
import { type ListedModel, listedModel } from "../support/model-lists.ts";
import { countsOf as counts, emptyCatalogue, noChange as nothing, syncFeed } from "./model-syncs.ts";

const { sql } = connectClockDatabase();
const realList = join(projectRoot, "..", "shared", "data", "openrouter-models.json");

beforeEach(() => emptyCatalogue(sql));

const sync = (models: unknown) => syncFeed(sql, readOpenRouterFeed(models));
test.skipIf(!existsSync(realList))(
  "the catalogue of 371 models syncs with every price to the last digit, but for three routers that have none",
  async () => {
    const list = JSON.parse(readFileSync(realList, "utf8")) as ListedModel[];
    expect(counts(await sync(list))).toEqual({ ...nothing, added: 368, quarantined: 3 });

    const rows = await sql<
      { id: string; listed_price: object; input: string; read: string; write: string; output: string }[]
    >`
      select m.id, m.listed_price, p.input_usd::text as input, p.cache_read_usd::text as read, p.cache_write_usd::text as write,
        p.output_usd::text as output
      from private.models m
      join private.model_routes r on r.model_id = m.id
      join private.route_prices p on p.route_id = r.id`;
    const listed = new Map(list.map((model) => [model.id, model.pricing as Record<string, string>]));
    for (const { id, listed_price, ...price } of rows) {
      const { prompt, completion, input_cache_read, input_cache_write } = listed.get(id) ?? {};
      expect(listed_price).toEqual(listed.get(id));
      expect({ id, ...price }).toEqual({
        ...{ id, input: prompt, output: completion },
        ...{ read: input_cache_read ?? prompt, write: input_cache_write ?? prompt },
      });
    }
    expect(rows).toHaveLength(368);
  },
);

test("the same list twice changes no row", async () => {
  const list = [
    listedModel("a/one"),
    listedModel("a/two:free", { pricing: { prompt: "0", completion: "0" } }),
  ];
  const versions = () => sql`
    select 'model' as what, id as name, xmin::text as version from private.models
    union all select 'route', model_id, xmin::text from private.model_routes
    union all select 'price', route_id::text, xmin::text from private.route_prices
    union all select 'version', '', private.catalogue_version()
    order by 1, 2`;
  expect(counts(await sync(list))).toEqual({ ...nothing, added: 2 });
  const before = await versions();
  expect(before).toHaveLength(7);
  expect(counts(await sync(list.toReversed()))).toEqual(nothing);
  expect(await versions()).toEqual(before);
});

test("a model that a list lacks is inactive until one has it again, and then is what it was", async () => {
  const list = ["a/one", "a/two", "a/three", "a/four", "a/five"].map((id) => listedModel(id));
  await sync(list);
  await sql`update private.models set status = 'active' where id = 'a/one'`;
  await sql`update private.models set status = 'disabled' where id = 'a/three'`;
  const statuses = () =>
    sql`select id, status, status_before from private.models order by id`.then((rows) =>
      Object.fromEntries(rows.map(({ id, status }) => [id, status])),
    );

  expect(counts(await sync(list.filter(({ id }) => id !== "a/one")))).toEqual({ ...nothing, inactivated: 1 });
  expect(await statuses()).toMatchObject({ "a/one": "inactive", "a/two": "new", "a/three": "disabled" });
  expect(await sql`select routes from private.priced_models where model_id = 'a/one'`).toEqual([]);
  // It stays as it is however often it is missing.
  expect(counts(await sync(list.filter(({ id }) => id !== "a/one")))).toEqual(nothing);
  expect(counts(await sync(list.filter(({ id }) => id !== "a/three")))).toEqual({ ...nothing, returned: 1 });
  expect(await statuses()).toMatchObject({ "a/one": "active", "a/three": "disabled" });
  expect(counts(await sync(list))).toEqual(nothing);
  expect(await statuses()).toMatchObject({ "a/one": "active", "a/three": "disabled" });
});

test("a model that another provider serves stays active without the route that is missing", async () => {
  const list = ["a/one", "a/two", "a/three", "a/four"].map((id) => listedModel(id));
  await sync(list);
  await sql`
    with route as (
      insert into private.model_routes (model_id, provider, upstream_model) values ('a/one', 'openai', 'one') returning id
    )
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd) select id, 0, 0, 0, 0 from route`;
  expect(counts(await sync(list.slice(1)))).toEqual(nothing);
  const [{ providers, status }] = await sql<[{ providers: string[]; status: string }]>`
    select p.providers, m.status from private.priced_models p join private.models m on m.id = p.model_id where m.id = 'a/one'`;
  expect({ providers, status }).toEqual({ providers: ["openai"], status: "new" });
});

test("a list that lacks more than thirty percent of what the last one had is refused whole", async () => {
  const list = Array.from({ length: 10 }, (_, index) => listedModel(`a/${index}`));
  await sync(list);
  const changed = list.slice(4).map((model) => ({ ...model, name: "Other" }));
  const refusal =
    "The list lacks 4 of the 10 models that the last one had: more than 30 %. If they are gone for good, disable them.";
  expect(await sync(changed)).toMatchObject({ status: "failed", error: refusal, ...nothing });
  expect(await sql`select id from private.models where name = 'Other' or status = 'inactive'`).toEqual([]);
  // Models that cannot be read are lacking, too.
  const broken = list.map((model, index) => (index < 4 ? { ...model, context_length: "8k" } : model));
  expect(await sync(broken)).toMatchObject({ status: "failed", error: refusal });
  expect(counts(await sync(list.slice(3)))).toEqual({ ...nothing, inactivated: 3 });
});

test("a known model that cannot be read stays what it was, also while it is listed so", async () => {
  const list = Array.from({ length: 10 }, (_, index) => listedModel(`a/${index}`));
  await sync(list);
  const spoilt = list.with(0, { ...listedModel("a/0"), pricing: { prompt: "-1", completion: "-1" } });
  expect(counts(await sync(spoilt))).toEqual({ ...nothing, quarantined: 1 });
  expect(
    await sql`select m.status, r.listing from private.models m join private.model_routes r on r.model_id = m.id where m.id = 'a/0'`,
  ).toEqual([{ status: "new", listing: "listed" }]);
});

test("a default of a plan that nobody serves any more is told", async () => {
  const list = Array.from({ length: 10 }, (_, index) => listedModel(`a/${index}`));
  await sync(list);
  await sql`update private.models set status = 'active' where id = 'a/0'`;
  await sql`insert into private.plan_models (plan_id, model_id, is_default) values ('free', 'a/0', true)`;
  await sync(list.slice(1));
  expect(await sql`select kind, data from private.alerts`).toEqual([
    { kind: "default_gone", data: { plan: "free", model: "a/0" } },
  ]);
});

test("a pattern of a rule is nothing but a pattern", async () => {
  await sql`insert into private.activation_rules (plan_id, pattern) values ('free', '%\\')`;
  expect(counts(await sync([listedModel("a/one")]))).toEqual({ ...nothing, added: 1 });
  await sql`delete from private.activation_rules`;
});

test("what an administrator disabled, or whose route is switched off, may be gone for good", async () => {
  const list = Array.from({ length: 10 }, (_, index) => listedModel(`a/${index}`));
  await sync(list);
  await sql`update private.models set status = 'disabled' where id in ('a/0', 'a/1')`;
  await sql`update private.model_routes set is_enabled = false where model_id in ('a/2', 'a/3')`;
  // Two of six that count.
  expect(await sync(list.slice(6))).toMatchObject({ status: "failed" });
  expect(counts(await sync(list.slice(5)))).toEqual({ ...nothing, inactivated: 3 });
  // Of whether a provider has it a route that is switched off says as much.
  expect(counts(await sync(list))).toEqual({ ...nothing, returned: 3 });
});

test("what an administrator decides stays as it is", async () => {
  const list = [listedModel("a/one"), listedModel("a/two"), listedModel("a/three"), listedModel("a/four")];
  await sync(list);
  await sql`
    update private.models set status = 'active', priority = 7, category = 'coding', tags = '{fast}', image_tokens = 99, first_token_ms = 5000
    where id = 'a/one'`;
  await sql`insert into private.plan_models (plan_id, model_id) values ('free', 'a/one')`;
  await sql`insert into private.model_limits (model_id, unit, "window", amount) values ('a/one', 'requests', 'day', 3)`;
  await sql`update private.model_routes set is_enabled = false, priority = 3, weight = 5 where model_id = 'a/one'`;
  const decided = () => sql`
    select m.status, m.priority, m.category, m.tags, m.image_tokens, m.first_token_ms, r.is_enabled, r.priority as route_priority, r.weight,
      (select count(*) from private.plan_models g where g.model_id = m.id) as plans,
      (select count(*) from private.model_limits l where l.model_id = m.id) as limits
    from private.models m join private.model_routes r on r.model_id = m.id where m.id = 'a/one'`;
  const before = await decided();
  const changed = listedModel("a/one", { name: "Renamed", context_length: 9000, description: "Better." });
  expect(counts(await sync([changed, ...list.slice(1)]))).toEqual({ ...nothing, updated: 1 });
  expect(await decided()).toEqual(before);
  expect(await sql`select name, context_tokens from private.models where id = 'a/one'`).toEqual([
    { name: "Renamed", context_tokens: 9000 },
  ]);
});

test("rules activate new models for plans, by name and what is free, but none that answers with pictures", async () => {
  await sql`insert into private.activation_rules (plan_id, pattern, is_free_only) values ('free', '%:free', true), ('free', 'b/%', false)`;
  const free = { pricing: { prompt: "0", completion: "0" } };
  const pictures = {
    architecture: {
      ...(listedModel("x").architecture as object),
      output_modalities: ["image", "text"],
    },
  };
  await sync([
    listedModel("a/gift:free", free),
    listedModel("a/false:free"),
    // Free but for its reasoning.
    listedModel("a/half:free", { pricing: { ...free.pricing, internal_reasoning: "0.000001" } }),
    listedModel("b/bought"),
    listedModel("b/painter", pictures),
  ]);
  await sql`delete from private.activation_rules`;
  expect(
    await sql`
      select m.id, m.status, array_agg(g.plan_id) filter (where g.plan_id is not null) as plans
      from private.models m left join private.plan_models g on g.model_id = m.id group by m.id order by m.id`,
  ).toEqual([
    { id: "a/false:free", status: "new", plans: null },
    { id: "a/gift:free", status: "active", plans: ["free"] },
    { id: "a/half:free", status: "new", plans: null },
    { id: "b/bought", status: "active", plans: ["free"] },
    { id: "b/painter", status: "new", plans: null },
  ]);
});
