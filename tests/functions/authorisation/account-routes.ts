import { randomUUID } from "node:crypto";
import type { Route } from "./route.ts";
import * as things from "./things.ts";

const newKey = () => `sk-matrix-${randomUUID()}`;

export const byokRoutes: Route[] = [
  { route: "GET /byok-keys", door: "people", told: "200" },
  {
    route: "POST /byok-keys/import",
    ...{ door: "people", told: "200" },
    prepare: () => ({ body: { keys: [{ provider: "openai", key: newKey(), name: randomUUID() }] } }),
  },
  {
    route: "PUT /byok-keys/:provider",
    // Who has no key of this name gets one, beside the owner's.
    ...{ door: "people", told: "200", toOthers: "201" },
    prepare: async (world) => ({
      id: "openai",
      body: { key: newKey(), name: await things.makeByokKey(world) },
    }),
  },
  {
    route: "PATCH /byok-keys/:provider",
    ...{ door: "people", told: "200", toOthers: "404 provider_key_not_found" },
    prepare: async (world) => ({
      id: "openai",
      body: { isPreferred: true, name: await things.makeByokKey(world) },
    }),
  },
  {
    route: "DELETE /byok-keys/:provider",
    ...{ door: "people", told: "204", toOthers: "404 provider_key_not_found" },
    prepare: async (world) => ({ id: "openai", query: `?name=${await things.makeByokKey(world)}` }),
  },
  {
    route: "POST /byok-keys/:provider/test",
    ...{ door: "people", told: "200", toOthers: "404 provider_key_not_found" },
    prepare: ({ byokName }) => ({ id: "openai", body: { name: byokName } }),
  },
];

export const accountRoutes: Route[] = [
  { route: "GET /account/usage", door: "usage", told: "200" },
  { route: "GET /account/limits", door: "usage", told: "200" },
  { route: "GET /account/balance", door: "usage", told: "200" },
  {
    route: "PATCH /account",
    door: "people",
    told: "200",
    prepare: () => ({ body: { timeZone: "Europe/Berlin" } }),
  },
  { route: "GET /account/preferences", door: "people", told: "200" },
  {
    route: "PATCH /account/preferences",
    ...{ door: "people", told: "200" },
    prepare: () => ({ body: { ui: { changed: randomUUID() } } }),
  },
  { route: "GET /account/api-keys", door: "people", told: "200" },
  {
    route: "POST /account/api-keys",
    ...{ door: "people", told: "201" },
    prepare: () => ({ body: { name: "Matrix", scopes: ["chat"] } }),
  },
  {
    route: "PATCH /account/api-keys/:id",
    ...{ door: "people", told: "200", toOthers: "404 api_key_not_found" },
    prepare: async (world) => ({
      id: await things.makeApiKey(world),
      body: { scopes: ["chat", "models", "usage"] },
    }),
  },
  {
    route: "DELETE /account/api-keys/:id",
    ...{ door: "people", told: "204", toOthers: "404 api_key_not_found" },
    prepare: async (world) => ({ id: await things.makeApiKey(world) }),
  },
  {
    route: "POST /account/holds",
    ...{ door: "services", told: "201" },
    prepare: ({ owner }) => ({ body: { userId: owner.userId, service: "images", tokens: 10 } }),
  },
  {
    route: "POST /account/holds/:id/settle",
    ...{ door: "services", told: "200" },
    prepare: async (world) => ({ id: await things.makeHold(world), body: { costNano: 1 } }),
  },
  {
    route: "DELETE /account/holds/:id",
    ...{ door: "services", told: "200" },
    prepare: async (world) => ({ id: await things.makeHold(world) }),
  },
  // Nobody hears alerts in this stack.
  { route: "POST /account/alerts/deliver", door: "jobs", told: "503 not_configured" },
];
