import { beforeAll, expect, test } from "vitest";
import { createAccountClient } from "../../support/account-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { createModelsClient, type ListBody } from "../../support/models-client.ts";
import { type Person, setPlan, signUp } from "../../support/people.ts";
import { type ModelOptions, makeModels, makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const models = createModelsClient();
let caller: Person;
let planId: string;
/** By name: cheap, seeing, dear, free, vectors. */
let ids: Record<string, string>;

const options: Record<string, ModelOptions> = {
  dear: { inputUsd: "0.00001", outputUsd: "0.00003", supportedParameters: ["tools", "reasoning"] },
  cheap: { inputUsd: "0.0000001", outputUsd: "0.0000004" },
  seeing: {
    inputModalities: ["text", "image"],
    routes: [{ provider: "google" }, { provider: "openrouter", priority: 5 }],
  },
  free: { inputUsd: "0", cacheReadUsd: "0", outputUsd: "0" },
  vectors: { outputModalities: ["embeddings"], inputUsd: "0", cacheReadUsd: "0", outputUsd: "0" },
};

beforeAll(async () => {
  const names = Object.keys(options);
  const made = await makeModels(sql, Object.values(options));
  ids = Object.fromEntries(names.map((name, index) => [name, made[index] as string]));
  planId = await makePlan(sql, { models: made });
  caller = await signUp();
  await setPlan(sql, caller.userId, planId);
  await sql`update private.models set priority = 10, category = 'coding', tags = '{fast}' where id = ${ids.dear as string}`;
  await sql`update private.models set priority = 20, name = 'Eagle Eye' where id = ${ids.seeing as string}`;
});

const namesOf = (body: ListBody) =>
  body.models.map(({ id }) => Object.keys(ids).find((name) => ids[name] === id));

test("a caller sees the models of the plan, the ones that the operator puts first first, with default and recommended", async () => {
  const { status, headers, body } = await models.list(caller);
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("application/json");
  expect(namesOf(body).slice(0, 2)).toEqual(["dear", "seeing"]);
  expect(namesOf(body).toSorted()).toEqual(Object.keys(options).toSorted());
  expect(body).toMatchObject({ success: true, defaultModel: ids.dear, unavailableDefaultModel: null });
  // By priority, then by price; what answers with vectors is none to recommend.
  expect(body.recommendedModels).toEqual([ids.dear, ids.seeing, ids.free]);
  expect(Object.fromEntries(headers)).toMatchObject({
    "x-models-mode": "standard",
    "x-models-count": "5",
    "x-models-time": expect.stringMatching(/^\d{4}-.*Z$/),
    "cache-control": "private, max-age=60",
  });
});

test("a model is told with its price, limits and abilities", async () => {
  const id = ids.dear as string;
  await sql`insert into private.model_limits (model_id, unit, "window", amount) values (${id}, 'requests', 'day', 9), (${id}, 'tokens', 'month', 1000)`;
  await sql`insert into private.plan_limits (plan_id, scope, scope_id, unit, "window", amount) values (${planId}, 'model', ${id}, 'requests', 'day', 4)`;
  const { body } = await models.list(caller, "?category=coding");
  expect(body.models).toEqual([
    {
      ...{ id, name: "Test", category: "coding", tags: ["fast"], providers: ["openai"] },
      ...{
        contextTokens: 128_000,
        maxOutputTokens: 4096,
        inputModalities: ["text"],
        outputModalities: ["text"],
      },
      supportedParameters: ["tools", "reasoning"],
      price: {
        ...{
          inputUsd: "0.00001",
          cacheReadUsd: "0.000000075",
          cacheWriteUsd: "0.00001",
          outputUsd: "0.00003",
        },
        ...{ reasoningUsd: null, requestUsd: "0", tiers: [] },
      },
      // The plan's in the place of the catalogue's.
      limits: [
        { unit: "requests", window: "day", amount: 4 },
        { unit: "tokens", window: "month", amount: 1000 },
      ],
      createdAt: expect.any(String),
    },
  ]);
});

test.each([
  ["?category=coding", ["dear"]],
  ["?category=none", []],
  ["?provider=openrouter", ["seeing"]],
  ["?modality=image", ["seeing"]],
  ["?modality=embeddings", ["vectors"]],
  ["?free=true", ["free", "vectors"]],
  ["?free=false", ["cheap", "dear", "seeing"]],
  ["?search=EAGLE", ["seeing"]],
  ["?search=%25", []],
  ["?free=true&modality=text", ["free", "vectors"]],
  ["?provider=google&category=coding", []],
])("the filter %s leaves what it says", async (query, names) => {
  const { status, headers, body } = await models.list(caller, query);
  expect([status, namesOf(body).toSorted(), headers.get("x-models-count")]).toEqual([
    200,
    names,
    String(names.length),
  ]);
});

test.each([
  ["?colour=red", "colour"],
  ["?free=perhaps", "free"],
  ["?category=", "category"],
  ["?enhanced=1", "enhanced"],
])("%s is refused, naming the field", async (query, param) => {
  const { status, body } = await models.list(caller, query);
  expect([status, body.error.code, body.error.param]).toEqual([400, "invalid_request", param]);
});

test("all of it is told where it is asked for", async () => {
  await sql`
    update private.models set description = 'Sees.', canonical_slug = 'eagle-1', listed_price = '{"prompt":"0.1"}', knowledge_cutoff = '2026-01-31',
      default_parameters = '{"top_p":0.9}' where id = ${ids.seeing as string}`;
  const { headers, body } = await models.list(caller, "?enhanced=true&search=eagle");
  expect(headers.get("x-models-mode")).toBe("enhanced");
  expect(body.models).toMatchObject([
    {
      ...{ id: ids.seeing, description: "Sees.", canonicalSlug: "eagle-1", listedPrice: { prompt: "0.1" } },
      ...{
        knowledgeCutoff: "2026-01-31",
        defaultParameters: { top_p: 0.9 },
        successRate: null,
        isModerated: null,
      },
    },
  ]);
});

test("old clients get a plain list of ids", async () => {
  const { headers, body } = await models.get<string[]>("?legacy=true", caller);
  expect(headers.get("x-models-mode")).toBe("legacy");
  expect([...body].toSorted()).toEqual(Object.values(ids).toSorted());
});

test("one model is found by its id, with its slashes as they are or escaped", async () => {
  const id = ids.cheap as string;
  for (const path of [id, encodeURIComponent(id)]) {
    const { status, body } = await models.find(caller, path);
    expect([status, body.success, body.model.id, body.model.description]).toEqual([200, true, id, ""]);
  }
  for (const path of ["no/such", "a%00b", "x".repeat(201)]) {
    const { status, body } = await models.find(caller, path);
    expect([status, body.error.code]).toEqual([404, "model_not_found"]);
  }
});

test("what is never called serves nothing, and what costs something anywhere is not free", async () => {
  const id = ids.free as string;
  await sql`insert into private.model_routes (model_id, provider, upstream_model) values (${id}, 'groq', 'x')`;
  expect((await models.find(caller, id)).body.model.providers).toEqual(["openai"]);
  expect(namesOf((await models.list(caller, "?provider=groq")).body)).toEqual([]);
  await sql`
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, reasoning_usd)
    select id, 0, 0, 0, 0, 0.000001 from private.model_routes where model_id = ${id} and provider = 'groq'`;
  expect(namesOf((await models.list(caller, "?free=true")).body)).toEqual(["vectors"]);
  await sql`update private.model_routes set is_enabled = false where model_id = ${id} and provider = 'groq'`;
  expect(namesOf((await models.list(caller, "?free=true")).body).toSorted()).toEqual(["free", "vectors"]);
});

test("providers are told with how many models each serves", async () => {
  const { body } = await models.get("/providers", caller);
  expect(body).toEqual({
    success: true,
    providers: [
      { id: "google", models: 1 },
      { id: "openai", models: 4 },
      { id: "openrouter", models: 1 },
    ],
  });
});

test("who has the list is told that it is still true, until something of it changes", async () => {
  const person = await signUp();
  const [id] = await makeModels(sql, [{}]);
  const plan = await makePlan(sql, { models: [id as string] });
  await setPlan(sql, person.userId, plan);
  const ask = (etag: string, query = "") =>
    models.get<ListBody>(query, { token: person.token, headers: { "if-none-match": etag } });
  const etagOf = async (query = "") => (await models.list(person, query)).headers.get("etag") ?? "";

  const changes: [what: string, change: () => PromiseLike<unknown>][] = [
    ["a name", () => sql`update private.models set name = 'Other' where id = ${id as string}`],
    [
      "a price",
      () => sql`
      insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd)
      select id, 0, 0, 0, 0 from private.model_routes where model_id = ${id as string}`,
    ],
    [
      "a limit",
      () =>
        sql`insert into private.model_limits (model_id, unit, "window", amount) values (${id as string}, 'tokens', 'day', 5)`,
    ],
    [
      "the default",
      () =>
        createAccountClient()
          .send("PATCH", "/preferences", { token: person.token, body: { model: { defaultModel: id } } })
          .then(() => sql`update private.plan_models set is_default = false where plan_id = ${plan}`),
    ],
    ["the plan", () => setPlan(sql, person.userId, planId)],
  ];
  for (const [what, change] of changes) {
    const etag = await etagOf();
    // Other tests change the catalogue, too: then there is another etag.
    await expect
      .poll(async () => {
        const current = await etagOf();
        const { status, headers, body } = await ask(`"other", ${current}`);
        return [what, status, headers.get("etag") === current, headers.get("cache-control"), body];
      })
      .toEqual([what, 304, true, "private, max-age=60", null]);
    await change();
    expect([what, (await ask(etag)).status]).toEqual([what, 200]);
    expect([what, await etagOf()]).not.toEqual([what, etag]);
  }
  expect(await etagOf("?legacy=true")).not.toBe(await etagOf());
});

test("a price that begins later changes nothing before", async () => {
  const id = ids.cheap as string;
  const priceOf = async () => (await models.find(caller, id)).body.model.price.inputUsd;
  const before = await priceOf();
  await sql`
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
    select id, 0.5, 0.5, 0.5, 0.5, now() + interval '1 hour' from private.model_routes where model_id = ${id}`;
  expect(await priceOf()).toBe(before);
});

test("a default model of one's own comes before the plan's, and what the plan has no more is told", async () => {
  const account = createAccountClient();
  const choose = (defaultModel: string | null) =>
    account.send("PATCH", "/preferences", { token: caller.token, body: { model: { defaultModel } } });
  expect((await choose(ids.cheap as string)).status).toBe(200);
  expect((await models.list(caller)).body).toMatchObject({
    defaultModel: ids.cheap,
    unavailableDefaultModel: null,
  });
  await sql`delete from private.plan_models where plan_id = ${planId} and model_id = ${ids.cheap as string}`;
  expect((await models.list(caller)).body).toMatchObject({
    defaultModel: ids.dear,
    unavailableDefaultModel: ids.cheap,
  });
  await sql`insert into private.plan_models (plan_id, model_id) values (${planId}, ${ids.cheap as string})`;
  await choose(null);
});

test("a model that often breaks off is not recommended", async () => {
  await sql`insert into private.model_ratings (model_id, answers, broken) values (${ids.dear as string}, 20, 3), (${ids.free as string}, 20, 2)`;
  const { body } = await models.list(caller, "?enhanced=true");
  expect(body.recommendedModels).toEqual([ids.seeing, ids.free, ids.cheap]);
  expect(body.models.find(({ id }) => id === ids.dear)?.successRate).toBe(0.85);
  await sql`delete from private.model_ratings where model_id in ${sql(Object.values(ids))}`;
});

test.each(["", "/providers", "/a/b"])("nobody is let in to models%s, and only GET is taken", async (path) => {
  const { status, body } = await models.get(path);
  expect([status, body.error.code]).toEqual([401, "unauthorized"]);
  const other = await models.get(path, { token: caller.token, method: "POST" });
  expect([other.status, other.headers.get("allow")]).toEqual([405, "GET"]);
});

test("somebody who was deleted is nobody", async () => {
  const person = await signUp();
  await sql`delete from auth.users where id = ${person.userId}`;
  const { status, body } = await models.list(person);
  expect([status, body.error.code]).toEqual([401, "unauthorized"]);
});
