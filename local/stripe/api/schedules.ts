import { z } from "zod";
import type { createSchedules } from "../billing/schedules.ts";
import type { Core } from "../core.ts";
import { missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { list, metadata, text, whole } from "./parameters.ts";
import { findForSale, findSubscription } from "./subscription-items.ts";

const moment = z.union([z.literal("now"), whole]);

const phase = z.strictObject({
  items: list(z.strictObject({ price: text, quantity: whole.optional() })),
  start_date: moment.optional(),
  end_date: moment.optional(),
  duration: z
    .strictObject({
      interval: z.enum(["day", "week", "month", "year"]),
      interval_count: whole.optional().transform((count) => count ?? 1),
    })
    .optional(),
  proration_behavior: z.enum(["always_invoice", "create_prorations", "none"]).optional(),
  metadata: metadata.optional(),
});

/** Calls for schedules of subscriptions. */
export function scheduleEndpoints(core: Core, schedules: ReturnType<typeof createSchedules>): Endpoint[] {
  const { state } = core;
  return [
    endpoint("POST /v1/subscription_schedules", { from_subscription: text }, ({ from_subscription }) =>
      schedules.createFrom(findSubscription(core, from_subscription, "from_subscription")),
    ),
    listEndpoint("GET /v1/subscription_schedules", { customer: text.optional() }, ({ customer }) =>
      [...state.schedules.values()].filter(
        (schedule) => customer === undefined || schedule.customer === customer,
      ),
    ),
    endpoint("GET /v1/subscription_schedules/:id", {}, (_, id = "") => find(id)),
    endpoint(
      "POST /v1/subscription_schedules/:id",
      {
        phases: list(phase).optional(),
        end_behavior: z.enum(["cancel", "release"]).optional(),
        proration_behavior: z.enum(["always_invoice", "create_prorations", "none"]).optional(),
        metadata: metadata.optional(),
      },
      ({ phases, end_behavior, metadata }, id = "") => {
        const schedule = find(id);
        for (const [index, { items }] of (phases ?? []).entries())
          for (const { price } of items) findForSale(core, price, `phases[${index}][items][0][price]`);
        schedules.update(schedule, { phases, end_behavior, metadata });
        return schedule;
      },
    ),
    endpoint("POST /v1/subscription_schedules/:id/release", {}, (_, id = "") => {
      const schedule = find(id);
      schedules.release(schedule);
      return schedule;
    }),
    endpoint("POST /v1/subscription_schedules/:id/cancel", {}, (_, id = "") => {
      const schedule = find(id);
      schedules.cancel(schedule);
      return schedule;
    }),
  ];

  function find(id: string) {
    const schedule = state.schedules.get(id);
    if (!schedule) throw missing("subscription schedule", id);
    return schedule;
  }
}
