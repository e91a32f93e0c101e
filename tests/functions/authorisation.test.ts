import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { listFunctions } from "../../local/functions.ts";
import { createAccountClient } from "../support/account-client.ts";
import { connectDatabase } from "../support/connect-database.ts";
import { functionNames, listRoutes } from "./authorisation/list-routes.ts";
import { callerNames, judge } from "./authorisation/matrix.ts";
import type { Route } from "./authorisation/route.ts";
import { routes } from "./authorisation/routes.ts";
import { type Call, makeApiKey, makeConversation } from "./authorisation/things.ts";
import {
  clearWorld,
  countPending,
  createWorld,
  isOwner,
  readState,
  type World,
} from "./authorisation/world.ts";

const sql = connectDatabase();
const { apiUrl } = inject("stack");
let world: World;

beforeAll(async () => {
  world = await createWorld(sql);
});
afterAll(() => clearWorld(world));

/** Calls a route as one of the matrix does. */
async function call({ route }: Route, caller: string, { id = "", query = "", body }: Call) {
  const [method, path] = route.split(" ") as [string, string];
  const response = await fetch(`${apiUrl}/functions/v1${path.replace(/:[^/]*/, id)}${query}`, {
    method,
    headers: {
      ...world.callers.get(caller),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const code = text.startsWith("{") ? JSON.parse(text).error?.code : undefined;
  return { told: code === undefined ? `${response.status}` : `${response.status} ${code}`, text };
}

/** Those who must not change anything come first: what the owner does may be written down after it is answered. */
const callers = callerNames.toSorted((one, other) => Number(isOwner(one)) - Number(isOwner(other)));

test("every route of every function is in the table, and nothing else is", () => {
  expect(functionNames).toEqual(listFunctions());
  expect([...new Set(routes.map(({ route }) => route))].sort()).toEqual(listRoutes());
});

test("everybody of the matrix shows what they show", () => {
  expect([...world.callers.keys()].sort()).toEqual(callerNames.toSorted());
});

test("a page may ask with the method of every route", async () => {
  const refused: string[] = [];
  for (const { route } of routes) {
    const [method, path] = route.split(" ") as [string, string];
    const { headers } = await fetch(`${apiUrl}/functions/v1${path}`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": method },
    });
    if (!headers.get("access-control-allow-methods")?.split(",").includes(method)) refused.push(route);
  }
  expect(refused).toEqual([]);
});

const titled = routes.map((route) => ({
  title: [route.route, route.what].filter(Boolean).join(" "),
  ...route,
}));

describe("lets in those whom the matrix lets in, and nobody else reads or changes anything:", () => {
  test.each(titled)(
    "$title",
    async (route) => {
      await expect.poll(() => countPending(world), { timeout: 10_000 }).toBe(0);
      const { door, told, toOthers = told, prepare } = route;
      const answers: Record<string, string> = {};
      const expected: Record<string, string> = {};
      const trespassers: string[] = [];
      for (const caller of callers) {
        const verdict = judge(caller, door) ?? (isOwner(caller) ? told : toOthers);
        const prepared = (await prepare?.(world)) ?? {};
        const before = await readState(world);
        expected[caller] = verdict;
        answers[caller] = (await call(route, caller, prepared)).told;
        const after = await readState(world);
        const isLetIn = /^2/.test(verdict);
        const mustStay = isLetIn ? [before.owner, after.owner] : [before, after];
        if (isLetIn && (isOwner(caller) || door === "services")) continue;
        if (JSON.stringify(mustStay[0]) !== JSON.stringify(mustStay[1])) trespassers.push(caller);
      }
      expect(answers).toEqual(expected);
      expect(trespassers).toEqual([]);
    },
    60_000,
  );
});

describe("does not tell what is somebody else's from what there is not:", () => {
  /** The same call of something that nobody has. */
  const elsewhere = ({ id, query, body }: Call): Call => {
    const uuid = /[0-9a-f]{8}-[0-9a-f-]{27}/g;
    const change = (text: string) => text.replaceAll(uuid, randomUUID());
    return {
      ...(id === undefined ? {} : { id: change(id) }),
      ...(query === undefined ? {} : { query: change(query) }),
      ...(body === undefined ? {} : { body: JSON.parse(change(JSON.stringify(body))) }),
    };
  };

  test.each(titled.filter(({ toOthers }) => toOthers?.startsWith("404")))("$title", async (route) => {
    for (const caller of ["another person", "an administrator", "another's key for everything"]) {
      if (judge(caller, route.door) !== null) continue;
      const prepared = (await route.prepare?.(world)) ?? {};
      const there = await call(route, caller, prepared);
      expect(there).toEqual(await call(route, caller, elsewhere(prepared)));
      expect(there.told).toBe(route.toOthers);
    }
  });
});

describe("shows everybody what is theirs and nobody what is another's:", () => {
  const isList = ({ route, prepare }: Route) => route.startsWith("GET ") && prepare === undefined;

  test("no list that others are shown names anything of the owner's", async () => {
    const conversationId = await makeConversation(world);
    const apiKeyId = await makeApiKey(world);
    const chosen = randomUUID();
    const preferences = routes.find(({ route }) => route === "PATCH /account/preferences") as Route;
    await call(preferences, "the owner", { body: { session: { chosen } } });
    const own = [conversationId, apiKeyId, chosen, world.byokName];
    const shown: string[] = [];
    for (const route of routes.filter(isList))
      for (const caller of callers) {
        const { text } = await call(route, caller, {});
        if (caller === "the owner") shown.push(text);
        else if (!isOwner(caller))
          expect([route.route, caller, own.filter((each) => text.includes(each))]).toEqual([
            route.route,
            caller,
            [],
          ]);
      }
    // They are there to be shown.
    expect(own.filter((each) => !shown.join("").includes(each))).toEqual([]);
  });

  test.each(titled.filter(({ door }) => door === "usage"))(
    "$title is that of whose key it is",
    async (route) => {
      await expect.poll(() => countPending(world), { timeout: 10_000 }).toBe(0);
      await createAccountClient().placeHold({ userId: world.owner.userId, tokens: 1234, costNano: 5678 });
      // Of this moment, which an answer tells: two are to be compared.
      const query = route.route.endsWith("/usage") ? `?to=${new Date(Date.now()).toISOString()}` : "";
      const ask = async (caller: string) => (await call(route, caller, { query })).text;
      const [owner, other] = [await ask("the owner"), await ask("another person")];
      expect(await ask("the owner's key for usage")).toBe(owner);
      expect(await ask("another's key for everything")).toBe(other);
      expect(other).not.toBe(owner);
    },
  );
});
