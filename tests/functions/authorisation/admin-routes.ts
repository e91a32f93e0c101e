import { randomUUID } from "node:crypto";
import type { Route } from "./route.ts";
import * as things from "./things.ts";

/** The simulator does not accept it. */
const refusedKey = "sk-invalid-matrix";

const november = { query: "?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z" };

/** Nothing of these is begun: others' tests would find another catalogue. */
const nowhere = { body: { source: "nowhere" } };

export const adminRoutes: Route[] = [
  { route: "GET /admin/models", door: "administrators", told: "200" },
  {
    route: "PATCH /admin/models",
    ...{ door: "administrators", told: "200" },
    prepare: async (world) => ({
      body: { ids: [await things.makeOddModel(world)], change: { category: "odd" } },
    }),
  },
  {
    route: "GET /admin/models/:id{.+}",
    ...{ door: "administrators", told: "200" },
    prepare: ({ modelId }) => ({ id: modelId }),
  },
  {
    route: "PATCH /admin/models/:id{.+}",
    ...{ door: "administrators", told: "200" },
    prepare: async (world) => ({ id: await things.makeOddModel(world), body: { status: "disabled" } }),
  },
  { route: "GET /admin/syncs", door: "administrators", told: "200" },
  { route: "POST /admin/syncs", door: "administrators", told: "400 invalid_request", prepare: () => nowhere },
  {
    route: "POST /admin/syncs/preview",
    door: "administrators",
    told: "400 invalid_request",
    prepare: () => nowhere,
  },
  {
    route: "GET /admin/syncs/:id",
    ...{ door: "administrators", told: "200" },
    prepare: async (world) => ({ id: await things.makeSync(world) }),
  },
  { route: "GET /admin/held-prices", door: "administrators", told: "200" },
  {
    route: "POST /admin/held-prices/:routeId/accept",
    ...{ door: "administrators", told: "200" },
    async prepare(world) {
      const { routeId, runId } = await things.makeHeldPrice(world);
      return { id: routeId, body: { runId } };
    },
  },
  { route: "GET /admin/activation-rules", door: "administrators", told: "200" },
  {
    route: "POST /admin/activation-rules",
    ...{ door: "administrators", told: "201" },
    prepare: ({ planId }) => ({ body: { plan: planId, pattern: `matrix/${randomUUID()}` } }),
  },
  {
    route: "DELETE /admin/activation-rules/:id",
    ...{ door: "administrators", told: "204" },
    prepare: async (world) => ({ id: await things.makeRule(world) }),
  },
  { route: "GET /admin/audit", door: "administrators", told: "200" },
  { route: "GET /admin/provider-keys", door: "administrators", told: "200" },
  {
    route: "POST /admin/provider-keys",
    // Chats of other tests would be served with a good one.
    ...{ door: "administrators", told: "422 key_refused" },
    prepare: ({ marker }) => ({ body: { provider: "openai", key: refusedKey, name: marker } }),
  },
  {
    route: "PATCH /admin/provider-keys/:id",
    ...{ door: "administrators", told: "200" },
    prepare: async (world) => ({ id: await things.makePoolKey(world), body: { weight: 7 } }),
  },
  {
    route: "DELETE /admin/provider-keys/:id",
    ...{ door: "administrators", told: "204" },
    prepare: async (world) => ({ id: await things.makePoolKey(world) }),
  },
  {
    route: "POST /admin/provider-keys/:id/rotate",
    ...{ door: "administrators", told: "422 key_refused" },
    prepare: async (world) => ({ id: await things.makePoolKey(world), body: { key: refusedKey } }),
  },
  { route: "GET /admin/revenue", door: "administrators", told: "200", prepare: () => november },
  { route: "GET /admin/revenue/margins", door: "administrators", told: "200", prepare: () => november },
  { route: "GET /admin/reconciliations", door: "administrators", told: "200" },
  {
    route: "POST /sync-models",
    door: "administrators+jobs",
    told: "400 invalid_request",
    prepare: () => nowhere,
  },
];
