import type Stripe from "stripe";
import { z } from "zod";
import { invalid } from "../refusal.ts";
import { text, whole } from "./parameters.ts";

export const pageParameters = {
  limit: whole.pipe(z.number().min(1, "must be at least 1").max(100, "must be at most 100")).optional(),
  starting_after: text.optional(),
  ending_before: text.optional(),
};

/** One page of objects, which come newest first. */
export function pageOf<Item extends { id: string }>(
  items: Item[],
  asked: {
    limit?: number | undefined;
    starting_after?: string | undefined;
    ending_before?: string | undefined;
  },
  url: string,
): Stripe.ApiList<Item> {
  const { limit = 10, starting_after: after, ending_before: before } = asked;
  if (before !== undefined) {
    const end = positionOf(items, before, "ending_before");
    const start = Math.max(0, end - limit);
    return { object: "list", data: items.slice(start, end), has_more: start > 0, url };
  }
  const start = after === undefined ? 0 : positionOf(items, after, "starting_after") + 1;
  const end = start + limit;
  return { object: "list", data: items.slice(start, end), has_more: end < items.length, url };
}

function positionOf(items: { id: string }[], id: string, param: string): number {
  const position = items.findIndex((item) => item.id === id);
  if (position === -1) throw invalid(`No such object: '${id}'`, { code: "resource_missing", param });
  return position;
}
