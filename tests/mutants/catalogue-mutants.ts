import type { Mutant } from "./mutant.ts";
import { sources, tests } from "./places.ts";

/** Of the catalogue, its prices and who is told of which model. */
export const catalogueMutants: Mutant[] = [
  {
    fault: "a model is written anew by every list",
    file: sources.feeds,
    from: ")::private.feed_model is distinct from f",
    to: ")::private.feed_model is not null",
    killedBy: [tests.feeds, tests.feedLaw],
  },
  {
    fault: "a list that lacks nearly all is applied",
    file: sources.feeds,
    from: "if lacking > 0.3 * known then",
    to: "if lacking > 0.9 * known then",
    killedBy: [tests.feeds, tests.feedLaw],
  },
  {
    fault: "what an administrator disabled is inactive where it is missing, and comes back",
    file: sources.feeds,
    from: "where m.id = any (model_ids) and m.status <> 'disabled' and",
    to: "where m.id = any (model_ids) and",
    killedBy: [tests.feeds],
  },
  {
    fault: "a price that leaps counts at once",
    file: sources.priceChanges,
    from: "or not private.is_leap(item.old, item.new)",
    to: "or true",
    killedBy: [tests.syncs, tests.feedLaw],
  },
  {
    fault: "a slip counts at the next change, whatever that is",
    file: sources.priceChanges,
    from: "or (item.new is not distinct from item.waiting and item.waiting_since <> run_id)",
    to: "or item.waiting is not null",
    killedBy: [tests.syncs, tests.feedLaw],
  },
  {
    fault: "a run that was given up still changes the catalogue",
    file: sources.syncs,
    from: "if sync.status is distinct from 'running' then",
    to: "if sync.status is null then",
    killedBy: [tests.syncs],
  },
  {
    fault: "a model that is not active is listed",
    file: sources.modelLists,
    from: "join private.models m on m.id = g.model_id and m.status = 'active'",
    to: "join private.models m on m.id = g.model_id",
    killedBy: [tests.access],
  },
  {
    fault: "a list is told for ever, once it was made",
    file: sources.modelList,
    from: "if (known?.version === version) return known;",
    to: "if (known !== undefined) return known;",
    killedBy: [tests.list],
  },
  {
    fault: "of overrides that apply the first one wins",
    file: "shared/catalogue/price-tiers.ts",
    from: ".map(({ prices }) => prices),",
    to: ".map(({ prices }) => prices).toReversed(),",
    killedBy: [tests.tiers],
  },
  {
    fault: "a zero in the place of reasoning's price makes it free",
    file: sources.openRouterPrice,
    from: "price === undefined || Number(price) === 0 ? general : price",
    to: "price === undefined ? general : price",
    killedBy: [tests.tiers],
  },
];
