import { beforeEach, expect, test } from "vitest";
import { readOpenRouterFeed } from "../../shared/catalogue/openrouter-feed.ts";
import { readProviderFeed } from "../../shared/catalogue/provider-feed.ts";
import { connectClockDatabase } from "../support/clock-database.ts";
import { listedModel } from "../support/model-lists.ts";
import { countsOf, emptyCatalogue, noChange, syncFeed } from "./model-syncs.ts";

const { sql } = connectClockDatabase();

beforeEach(() => emptyCatalogue(sql));

const catalogue = (...ids: string[]) => syncFeed(sql, readOpenRouterFeed(ids.map((id) => listedModel(id))));
const own = (provider: string, ...names: [id: string, contextTokens?: number][]) =>
  syncFeed(
    sql,
    readProviderFeed(names.map(([id, contextTokens = null]) => ({ id, contextTokens }))),
    provider,
  );
const routesOf = (provider: string) =>
  sql<{ model_id: string; upstream_model: string; context_tokens: number | null; listing: string }[]>`
    select model_id, upstream_model, context_tokens, listing from private.model_routes where provider = ${provider} order by model_id`;

test("a provider's own list adds routes to the models that the catalogue has of it, which are not called before they have a price", async () => {
  await catalogue(
    "anthropic/claude-opus-4.1",
    "openai/gpt-4o",
    "openai/gpt-4o-2024-08-06",
    "google/gemini-x",
    "meta/gpt-4o",
  );
  expect(await own("anthropic", ["claude-opus-4-1-20250805", 200_000], ["claude-unknown"])).toMatchObject({
    ...{ status: "succeeded", listed: 2, added: 0, updated: 0, routes_added: 1 },
    changes: {
      routes_added: [
        {
          model: "anthropic/claude-opus-4.1",
          provider: "anthropic",
          upstream_model: "claude-opus-4-1-20250805",
        },
      ],
    },
  });
  await own("openai", ["gpt-4o"], ["gpt-4o-2024-08-06"], ["gpt-4o-2024-05-13"]);
  expect(await routesOf("anthropic")).toEqual([
    {
      model_id: "anthropic/claude-opus-4.1",
      upstream_model: "claude-opus-4-1-20250805",
      context_tokens: 200_000,
      listing: "listed",
    },
  ]);
  // Each by its own name, and no other vendor's of the same name.
  expect(
    (await routesOf("openai")).map(({ model_id, upstream_model }) => [model_id, upstream_model]),
  ).toEqual([
    ["openai/gpt-4o", "gpt-4o"],
    ["openai/gpt-4o-2024-08-06", "gpt-4o-2024-08-06"],
  ]);
  expect(await sql`select providers from private.priced_models where model_id = 'openai/gpt-4o'`).toEqual([
    { providers: ["openrouter"] },
  ]);
  expect(countsOf(await own("openai", ["gpt-4o-2024-05-13"], ["gpt-4o"], ["gpt-4o-2024-08-06"]))).toEqual(
    noChange,
  );
});

test("it enriches the routes that there are, also those that are called without a date", async () => {
  await catalogue("anthropic/claude-haiku-4.5");
  await sql`insert into private.model_routes (model_id, provider, upstream_model) values ('anthropic/claude-haiku-4.5', 'anthropic', 'claude-haiku-4-5')`;
  expect(countsOf(await own("anthropic", ["claude-haiku-4-5-20251001", 190_000]))).toEqual({
    ...noChange,
    updated: 1,
  });
  expect(await routesOf("anthropic")).toEqual([
    {
      model_id: "anthropic/claude-haiku-4.5",
      upstream_model: "claude-haiku-4-5",
      context_tokens: 190_000,
      listing: "listed",
    },
  ]);
});

test("of several versions with one alias always the same counts, in whatever order they are listed", async () => {
  await catalogue("anthropic/claude-haiku-4.5");
  await sql`insert into private.model_routes (model_id, provider, upstream_model) values ('anthropic/claude-haiku-4.5', 'anthropic', 'claude-haiku-4-5')`;
  const versions: [string, number][] = [
    ["claude-haiku-4-5-20251001", 200_000],
    ["claude-haiku-4-5-20261001", 190_000],
  ];
  await own("anthropic", ...versions);
  const before = await routesOf("anthropic");
  expect(countsOf(await own("anthropic", ...versions.toReversed()))).toEqual(noChange);
  expect(await routesOf("anthropic")).toEqual(before);
});

test("a route that it lists no more is not called, and the model goes on by another", async () => {
  await catalogue("openai/one", "openai/two", "openai/three", "openai/four");
  await own("openai", ["one"], ["two"], ["three"], ["four"]);
  await sql`
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd)
    select id, 0, 0, 0, 0 from private.model_routes where provider = 'openai'`;
  const providersOf = async () =>
    (
      await sql`select providers from private.priced_models where model_id = 'openai/one'`
    )[0]?.providers.toSorted();
  expect(await providersOf()).toEqual(["openai", "openrouter"]);
  expect(countsOf(await own("openai", ["two"], ["three"], ["four"]))).toEqual(noChange);
  expect(await providersOf()).toEqual(["openrouter"]);
  // Then OpenRouter lacks it, too.
  await catalogue("openai/two", "openai/three", "openai/four");
  expect(await sql`select status from private.models where id = 'openai/one'`).toEqual([
    { status: "inactive" },
  ]);
  expect(countsOf(await own("openai", ["one"], ["two"], ["three"], ["four"]))).toEqual({
    ...noChange,
    returned: 1,
  });
  expect(await providersOf()).toEqual(["openai"]);
});
