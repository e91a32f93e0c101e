import { z } from "zod";
import type { createReversals } from "./billing/reversals.ts";
import type { Core } from "./core.ts";
import { type createFaults, faultSchema } from "./faults.ts";
import { type Answer, type Asked, json } from "./http.ts";
import { Refusal } from "./refusal.ts";
import { cards, type KeptEvent } from "./state.ts";
import { type createDeliveries, isIn } from "./webhooks/deliveries.ts";

export const controlPath = "/_stripe";

const moment = z.iso.datetime({ offset: true }).transform((text) => Math.floor(Date.parse(text) / 1000));
const clockChange = z.union([
  z.strictObject({ advanceTo: moment }),
  z.strictObject({ advanceSeconds: z.number().int().nonnegative() }),
  z.strictObject({ set: moment }),
]);
const copies = z.number().int().min(1).default(1);
const deliveryMode = z.strictObject({
  contains: z.string().default(""),
  mode: z.enum(["deliver", "hold", "drop"]),
  copies,
  delayMs: z.tuple([z.number().nonnegative(), z.number().nonnegative()]).default([0, 0]),
});
const sending = z.strictObject({
  eventIds: z.array(z.string()).optional(),
  inOrder: z.boolean().default(false),
  copies,
});
const madeEvent = z.strictObject({
  type: z.string(),
  object: z.record(z.string(), z.unknown()),
  livemode: z.boolean().optional(),
  account: z.string().optional(),
});

/** Answers what tests and people ask of the stand-in itself: its time, deliveries, cards, disputes and faults. */
export function createControl(
  core: Core,
  parts: {
    deliveries: ReturnType<typeof createDeliveries>;
    reversals: ReturnType<typeof createReversals>;
    faults: ReturnType<typeof createFaults>;
    calls: Map<string, number>;
    runUntil: (instant: number) => boolean;
  },
) {
  const { state, clock, events } = core;
  const { deliveries, reversals, faults, calls } = parts;
  const actions: Record<string, (asked: { body: unknown; query: URLSearchParams; id: string }) => unknown> = {
    "GET /clock": tellTime,
    "POST /clock": ({ body }) => moveClock(clockChange.parse(body)),
    "POST /delivery": ({ body }) => {
      deliveries.setMode(deliveryMode.parse(body));
      return {};
    },
    "GET /deliveries": async ({ query }) => {
      const contains = query.get("contains") ?? "";
      if (query.get("wait") === "settled") await deliveries.settled(contains);
      return { deliveries: [...state.events.values()].filter((kept) => isIn(kept, contains)).map(describe) };
    },
    "POST /deliver": async ({ body }) => {
      const { eventIds, ...how } = sending.parse(body);
      const held = [...state.events.values()].filter((kept) =>
        kept.deliveries.some((each) => each.state === "held"),
      );
      return { outcomes: await deliveries.sendNow(eventIds?.map(findEvent) ?? held, how) };
    },
    "POST /customers/:id/card": ({ body, id }) => {
      const { behaviour } = z.strictObject({ behaviour: z.enum(cards) }).parse(body);
      state.cards.set(core.findCustomer(id).id, behaviour);
      return { behaviour };
    },
    "POST /disputes": ({ body }) =>
      reversals.openDispute(z.strictObject({ paymentIntent: z.string() }).parse(body).paymentIntent),
    "POST /disputes/:id/close": ({ body, id }) =>
      reversals.closeDispute(id, z.strictObject({ status: z.enum(["won", "lost"]) }).parse(body).status),
    "POST /faults": ({ body }) => {
      faults.add(faultSchema.parse(body));
      return {};
    },
    "DELETE /faults": () => {
      faults.clear();
      return {};
    },
    "GET /calls": () => ({ calls: Object.fromEntries(calls) }),
    "DELETE /calls": () => {
      calls.clear();
      return {};
    },
    "POST /events": ({ body }) => describe(events.send(madeEvent.parse(body))),
  };

  return async function control({ method, path, query, body }: Asked): Promise<Answer> {
    const [, folder = "", id = "", rest = ""] =
      /^\/([^/]+)(?:\/([^/]+)(\/[^/]+)?)?$/.exec(path.slice(controlPath.length)) ?? [];
    const name = `${method} /${folder}${id === "" ? "" : `/:id${rest}`}`;
    const action = actions[name];
    if (!action)
      return json(404, {
        error: `${name} is unknown. Under ${controlPath} there is: ${Object.keys(actions).join(", ")}`,
      });
    try {
      const asked = { body: body === "" ? {} : JSON.parse(body), query: new URLSearchParams(query), id };
      return json(200, await action(asked));
    } catch (error) {
      if (error instanceof z.ZodError) return json(400, { error: z.prettifyError(error) });
      if (error instanceof SyntaxError) return json(400, { error: "The body is not JSON." });
      if (error instanceof Refusal) return json(error.status, { error: error.message });
      throw error;
    }
  };

  function tellTime() {
    return { now: new Date(clock.now() * 1000).toISOString() };
  }

  function moveClock(change: z.infer<typeof clockChange>) {
    if ("set" in change) {
      if (state.customers.size > 0 || state.sessions.size > 0)
        throw new Refusal(400, {
          type: "invalid_request_error",
          message: "The clock is set only while there is nothing but products and prices. Use advanceTo.",
        });
      clock.moveTo(change.set);
      return tellTime();
    }
    const target = "advanceTo" in change ? change.advanceTo : clock.now() + change.advanceSeconds;
    if (target < clock.now())
      throw new Refusal(400, { type: "invalid_request_error", message: "The clock only moves forward." });
    parts.runUntil(target);
    clock.moveTo(target);
    return tellTime();
  }

  function findEvent(id: string): KeptEvent {
    const kept = state.events.get(id);
    if (!kept) throw new Refusal(404, { type: "invalid_request_error", message: `There is no event ${id}.` });
    return kept;
  }
}

function describe({ event, deliveries }: KeptEvent) {
  const { id, type, created } = event;
  return { id, type, created, object: (event.data.object as { id?: string }).id ?? null, deliveries };
}
