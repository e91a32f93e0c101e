import fc from "fast-check";
import { expect, test } from "vitest";
import { readOpenRouterFeed } from "../../shared/catalogue/openrouter-feed.ts";
import { connectClockDatabase } from "../support/clock-database.ts";
import { type ListedModel, listedModel } from "../support/model-lists.ts";
import { countsOf, emptyCatalogue, noChange, syncFeed } from "./model-syncs.ts";

const { sql } = connectClockDatabase();

/** What is known of a model from earlier lists. The price is that of a prompt, in nano-USD. */
interface Known {
  text: string;
  price: number;
  waiting: number | null;
  isListed: boolean;
}

type Edit =
  | { kind: "add" }
  | { kind: "break" }
  | { kind: "remove" | "return" | "rename" | "duplicate" | "rotate" | "slip" | "spoil"; at: number }
  | { kind: "price"; at: number; times: number };

const at = fc.nat(30);
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.constantFrom<Edit>({ kind: "add" }, { kind: "break" }),
  fc.record({
    kind: fc.constantFrom(
      ...([
        "remove",
        "remove",
        "return",
        "return",
        "rename",
        "duplicate",
        "rotate",
        "slip",
        "spoil",
      ] as const),
    ),
    at,
  }),
  fc.record({ kind: fc.constant("price" as const), at, times: fc.constantFrom(0.05, 0.5, 1, 2, 9, 40) }),
);
/** Of each run: how its list differs from the one before. */
const runs = fc.array(fc.array(edits, { maxLength: 6 }), { minLength: 2, maxLength: 7 });

test("whatever becomes of a list from run to run, a sync counts and changes what was computed by itself", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (all) => {
      await emptyCatalogue(sql);
      let list = Array.from({ length: 6 }, (_, index) => entry(`m/${index}`, 100));
      const gone: ListedModel[] = [];
      const known = new Map<string, Known>();
      let made = 6;
      for (const changes of all) {
        for (const edit of changes) {
          if (edit.kind === "add") list = [...list, entry(`m/${made++}`, 100)];
          else if (edit.kind === "break") list = [...list, broken];
          else list = applyEdit(list, gone, edit);
        }
        if (list.every((model) => readId(model) === null)) list = [...list, entry(`m/${made++}`, 100)];
        const expected = follow(known, list);
        const row = await syncFeed(sql, readOpenRouterFeed(list));
        expect({ status: row.status, ...countsOf(row) }).toEqual(
          expected === null ? { status: "failed", ...noChange } : { status: "succeeded", ...expected },
        );
        expect(await readCatalogue()).toEqual(
          Object.fromEntries(
            [...known].map(([id, { price, isListed }]) => [
              id,
              { price, status: isListed ? "new" : "inactive" },
            ]),
          ),
        );
      }
    }),
    { numRuns: 20, interruptAfterTimeLimit: 20_000 },
  );
});

function entry(id: string, price: number): ListedModel {
  return listedModel(id, { pricing: { prompt: usd(price), completion: "0.000004" } });
}

function usd(nano: number): string {
  return (nano / 1e9).toFixed(14);
}

const broken = { ...entry("broken", 1), pricing: { prompt: "-1", completion: "0.000004" } };

function applyEdit(
  list: ListedModel[],
  gone: ListedModel[],
  edit: Exclude<Edit, { kind: "add" | "break" }>,
): ListedModel[] {
  if (edit.kind === "return") return [...list, ...gone.splice(edit.at % Math.max(gone.length, 1), 1)];
  const index = edit.at % Math.max(list.length, 1);
  const model = list[index];
  if (model === undefined) return list;
  const put = (changed: ListedModel) => list.with(index, changed);
  switch (edit.kind) {
    case "remove":
      gone.push(model);
      return list.toSpliced(index, 1);
    case "rename":
      return put({ ...model, name: `${model.name.slice(0, 50)}!` });
    case "duplicate":
      return [...list, { ...model, name: "Twin" }];
    case "rotate":
      return [...list.slice(index), ...list.slice(0, index)];
    case "slip":
      return put({ ...model, pricing: { ...model.pricing, prompt: "0.000000000001" } });
    case "spoil":
      return put({ ...model, pricing: { ...model.pricing, prompt: "-1" } });
    case "price":
      return put({ ...model, pricing: { ...model.pricing, prompt: usd(priceOf(model) * edit.times) } });
  }
}

const priceOf = ({ pricing }: ListedModel) => Number(pricing.prompt) * 1e9;
const readId = ({ id, pricing }: ListedModel) => (String(pricing.prompt).startsWith("-") ? null : id);

/** Moves what is known to what a list says, and counts. Null where the list is refused, and then nothing is moved. */
function follow(known: Map<string, Known>, list: ListedModel[]): ReturnType<typeof countsOf> | null {
  const counts = { ...noChange };
  const valid = new Map<string, ListedModel>();
  for (const model of list) {
    const id = readId(model);
    if (id === null || valid.has(id)) counts.quarantined++;
    else valid.set(id, model);
  }
  const listedBefore = [...known].filter(([, { isListed }]) => isListed).map(([id]) => id);
  const lacking = listedBefore.filter((id) => !valid.has(id));
  if (lacking.length > 0.3 * listedBefore.length) return null;

  for (const [id, model] of valid) {
    const text = JSON.stringify(model);
    const price = Number(usd(priceOf(model))) * 1e9;
    const before = known.get(id);
    if (before === undefined) {
      counts.added++;
      known.set(id, { text, price, waiting: null, isListed: true });
      continue;
    }
    let isChanged = before.text !== text;
    if (isEqual(price, before.price)) before.waiting = null;
    else if (isNear(price, before.price) || (before.waiting !== null && isEqual(before.waiting, price))) {
      isChanged = true;
      Object.assign(before, { price, waiting: null });
    } else {
      counts.held_prices++;
      before.waiting = price;
    }
    if (!before.isListed) counts.returned++;
    if (isChanged) counts.updated++;
    Object.assign(before, { text, isListed: true });
  }
  // What is listed and cannot be read stays what it was.
  const unread = new Set(list.filter((model) => readId(model) === null).map(({ id }) => id));
  for (const id of lacking.filter((each) => !unread.has(each))) {
    counts.inactivated++;
    (known.get(id) as Known).isListed = false;
  }
  return counts;
}

function isEqual(one: number, other: number): boolean {
  return usd(one) === usd(other);
}

/** Not more than ten times as much, nor less than a tenth. */
function isNear(one: number, other: number): boolean {
  return Math.max(one, other) / Math.min(one, other) <= 10 + 1e-9;
}

async function readCatalogue(): Promise<Record<string, { price: number; status: string }>> {
  const rows = await sql<{ id: string; status: string; price: string }[]>`
    select m.id, m.status, (private.price_of(r.id)).input_usd::text as price
    from private.models m join private.model_routes r on r.model_id = m.id`;
  return Object.fromEntries(
    rows.map(({ id, status, price }) => [id, { status, price: Number(usd(Number(price) * 1e9)) * 1e9 }]),
  );
}
