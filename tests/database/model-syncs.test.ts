import { randomUUID } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { readOpenRouterFeed } from "../../shared/catalogue/openrouter-feed.ts";
import { connectClockDatabase } from "../support/clock-database.ts";
import { listedModel } from "../support/model-lists.ts";
import { countsOf, emptyCatalogue, noChange, syncFeed } from "./model-syncs.ts";

const { sql, setClock } = connectClockDatabase();
const start = Date.parse("2026-12-01T02:00:00Z");
const minute = 60_000;

beforeEach(async () => {
  await emptyCatalogue(sql);
  await setClock(start);
});

const priced = (prompt: string) => [listedModel("a/one", { pricing: { prompt, completion: "0.000004" } })];
const sync = (models: unknown) => syncFeed(sql, readOpenRouterFeed(models));
const priceInForce = () =>
  sql`select p.input_usd::text as usd from private.model_routes r cross join lateral private.price_of(r.id) p`.then(
    ([row]) => row?.usd,
  );
const begin = async (sources = ["openrouter"]) => {
  const [{ answer }] = await sql<[{ answer: { id: string; refusal?: string } }]>`
    select public.begin_model_sync(${randomUUID()}, ${sources}) as answer`;
  return answer;
};
const log = () => sql`select source, status, error from private.model_sync_log order by started_at, source`;

test("a price that moves more than tenfold waits, with an alert, until the next list repeats it", async () => {
  await sync(priced("0.000001"));
  await setClock(start + minute);
  expect(countsOf(await sync(priced("0.0000100000001")))).toEqual({
    ...noChange,
    updated: 1,
    held_prices: 1,
  });
  expect(await priceInForce()).toBe("0.000001");
  expect(
    await sql`select kind, data -> 'from' ->> 'input_usd' as old, data -> 'to' ->> 'input_usd' as new from private.alerts`,
  ).toEqual([{ kind: "price_held", old: "0.000001", new: "0.0000100000001" }]);
  await setClock(start + 2 * minute);
  expect(countsOf(await sync(priced("0.0000100000001")))).toEqual({ ...noChange, updated: 1 });
  expect(await priceInForce()).toBe("0.0000100000001");
  expect(await sql`select from private.held_prices`).toHaveLength(0);
});

test("a slip that the next list does not repeat never counts", async () => {
  await sync(priced("0.000001"));
  await sync(priced("0.0000000001"));
  expect(countsOf(await sync(priced("0.000001")))).toEqual({ ...noChange, updated: 1 });
  expect(await priceInForce()).toBe("0.000001");
  expect(await sql`select from private.held_prices`).toHaveLength(0);
  // Another leap begins to wait anew.
  await sync(priced("0.0001"));
  expect(countsOf(await sync(priced("0.0002")))).toEqual({ ...noChange, updated: 1, held_prices: 1 });
  expect(await priceInForce()).toBe("0.000001");
});

test("exactly tenfold is no leap, and from nothing to something is one", async () => {
  await sync(priced("0.000001"));
  await setClock(start + minute);
  await sync(priced("0.00001"));
  expect(await priceInForce()).toBe("0.00001");
  await setClock(start + 2 * minute);
  expect(countsOf(await sync(priced("0")))).toMatchObject({ held_prices: 1 });
});

test("a price with tiers is kept with them, and a tier that leaps is a leap", async () => {
  const tiered = (prompt: string) =>
    priced("0.000001").map((model) => ({
      ...model,
      pricing: {
        ...model.pricing,
        overrides: [{ min_prompt_tokens: 4000, prompt, utc_start: "22:00", utc_end: "06:30" }],
      },
    }));
  await sync(tiered("0.000002"));
  expect(
    await sql`
      select t.min_prompt_tokens, t.utc_from::text, t.utc_until::text, t.input_usd::text, t.output_usd::text
      from private.route_price_tiers t order by t.utc_from`,
  ).toEqual([
    {
      min_prompt_tokens: 4000,
      utc_from: "00:00:00",
      utc_until: "06:30:00",
      input_usd: "0.000002",
      output_usd: "0.000004",
    },
    {
      min_prompt_tokens: 4000,
      utc_from: "22:00:00",
      utc_until: "24:00:00",
      input_usd: "0.000002",
      output_usd: "0.000004",
    },
  ]);
  await setClock(start + minute);
  expect(countsOf(await sync(tiered("0.00003")))).toEqual({ ...noChange, updated: 1, held_prices: 1 });
  expect(countsOf(await sync(tiered("0.000002")))).toEqual({ ...noChange, updated: 1 });
  expect(countsOf(await sync(tiered("0.000002")))).toEqual(noChange);
});

test("a base price that leaps is a leap, also where tiers take its place at midnight", async () => {
  const cheapAtNight = (prompt: string) =>
    priced(prompt).map((model) => ({
      ...model,
      pricing: {
        ...model.pricing,
        overrides: [{ prompt: "0.0000005", utc_start: "16:30", utc_end: "00:30" }],
      },
    }));
  await sync(cheapAtNight("0.000001"));
  await setClock(start + minute);
  expect(countsOf(await sync(cheapAtNight("0.0001")))).toMatchObject({ held_prices: 1 });
  expect(await priceInForce()).toBe("0.000001");
});

test("a price that comes later is in force, whoever began first", async () => {
  await sync(priced("0.000001"));
  const add = (usd: string) => sql`
    select private.add_price(r.id, jsonb_populate_record(private.price_of(r.id), ${sql.json({ input_usd: usd })})) from private.model_routes r`;
  await setClock(start + minute);
  await add("0.000002");
  // It began half a second before that.
  await setClock(start + minute - 500);
  await add("0.000003");
  await setClock(start + 2 * minute);
  expect(await priceInForce()).toBe("0.000003");
});

test("a price that begins later changes what is listed when it begins, and not before", async () => {
  await sync(priced("0.000001"));
  const version = async () => (await sql`select private.catalogue_version() as version`)[0]?.version;
  const before = await version();
  await sql`
    insert into private.route_prices (route_id, input_usd, cache_read_usd, cache_write_usd, output_usd, valid_from)
    select id, 0.5, 0.5, 0.5, 0.5, ${new Date(start + minute)} from private.model_routes`;
  expect([await priceInForce(), await version()]).toEqual(["0.000001", before]);
  await setClock(start + minute);
  expect(await priceInForce()).toBe("0.5");
  expect(await version()).not.toBe(before);
});

test("one run at a time: while one is running, another is told which", async () => {
  const first = await begin();
  expect(await begin()).toMatchObject({ id: first.id, refusal: "SL40S" });
  expect(await begin(["openai"])).toMatchObject({ id: first.id, refusal: "SL40S" });
});

test("a run whose function died is given up after ten minutes, with an alert, and changes nothing any more", async () => {
  const lost = await begin();
  await setClock(start + 10 * minute);
  expect(await begin()).toMatchObject({ id: lost.id, refusal: "SL40S" });
  await setClock(start + 11 * minute);
  expect(await begin()).not.toHaveProperty("refusal");
  expect(await log()).toEqual([
    { source: "openrouter", status: "failed", error: "The function that ran it ended before it was over." },
    { source: "openrouter", status: "running", error: null },
  ]);
  expect(await sql`select data ->> 'run_id' as id from private.alerts where kind = 'sync_failed'`).toEqual([
    { id: lost.id },
  ]);
  const feed = readOpenRouterFeed(priced("0.000001"));
  await expect(
    sql`select public.apply_model_feed(${lost.id}, 'openrouter', ${sql.json(feed as never)})`,
  ).rejects.toThrow("has ended");
  expect(await sql`select from private.models`).toHaveLength(0);
});

test("a run that failed for one source goes on for the others", async () => {
  const { id } = await begin(["openrouter", "openai"]);
  await sql`select public.fail_model_sync(${id}, 'openrouter', 'It is down.')`;
  await sql`select public.apply_model_feed(${id}, 'openai', ${sql.json({ listed: 0, models: [], routes: [], quarantined: [] })})`;
  // What has ended stays as it is.
  await sql`select public.fail_model_sync(${id}, 'openai', 'Too late.')`;
  expect(await log()).toEqual([
    { source: "openai", status: "succeeded", error: null },
    { source: "openrouter", status: "failed", error: "It is down." },
  ]);
});

test("a preview tells what a list would change and changes nothing", async () => {
  await sync(priced("0.000001"));
  await setClock(start + minute);
  const feed = readOpenRouterFeed([...priced("0.000002"), listedModel("a/two"), listedModel("", {})]);
  const [{ answer }] = await sql<[{ answer: Record<string, unknown> }]>`
    select public.preview_model_feed('openrouter', ${sql.json(feed as never)}) as answer`;
  expect(answer).toMatchObject({
    listed: 3,
    changes: { added: ["a/two"], updated: ["a/one"] },
    quarantine: [{ id: "", reason: "id is empty" }],
  });
  expect(await sql`select id from private.models`).toEqual([{ id: "a/one" }]);
  expect(await priceInForce()).toBe("0.000001");
});
