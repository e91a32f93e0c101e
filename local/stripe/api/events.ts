import type { Core } from "../core.ts";
import { missing } from "../refusal.ts";
import { snapshotIdOf, snapshotOf, thinOf } from "../webhooks/event-forms.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { flag, isWithin, list, range, text } from "./parameters.ts";

/** Calls for events, in both of their forms. */
export function eventEndpoints({ state }: Core): Endpoint[] {
  return [
    listEndpoint(
      "GET /v1/events",
      {
        type: text.optional(),
        types: list(text).optional(),
        created: range.optional(),
        delivery_success: flag.optional(),
      },
      ({ type, types, created, delivery_success }) =>
        [...state.events.values()]
          .filter(
            ({ event, deliveries }) =>
              (type === undefined || matchesType(event.type, type)) &&
              (types === undefined || types.some((each) => matchesType(event.type, each))) &&
              isWithin(event.created, created) &&
              (delivery_success === undefined ||
                deliveries.every((delivery) => delivery.state === "delivered") === delivery_success),
          )
          .map(snapshotOf),
    ),
    endpoint("GET /v1/events/:id", {}, (_, id = "") => snapshotOf(find(id))),
    endpoint("GET /v2/core/events/:id", {}, (_, id = "") => thinOf(find(snapshotIdOf(id)))),
  ];

  function find(id: string) {
    const kept = state.events.get(id);
    if (!kept) throw missing("event", id);
    return kept;
  }
}

/** A type may be given with a star: `customer.subscription.*`. */
function matchesType(type: string, wanted: string): boolean {
  return wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
