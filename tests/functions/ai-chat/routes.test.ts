import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readRest, waitForEvent } from "../../support/read-events.ts";
import type { RouteOptions } from "../../support/test-models.ts";

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

const openai: RouteOptions = { provider: "openai" };
const anthropic: RouteOptions = { provider: "anthropic", upstream: "claude-haiku-4-5" };
const google: RouteOptions = { provider: "google", upstream: "gemini-2.5-flash" };

/** Who serves a chat, as its answer says. */
async function findServer(caller: Caller, body: Record<string, unknown> = {}): Promise<string> {
  const { status, result } = await chats.ask(caller, {
    message: "Hello",
    options: { maxTokens: 5 },
    ...body,
  });
  expect(status).toBe(200);
  return result.provider;
}

/** How many of so many chats each provider serves. */
async function countServers(caller: Caller, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const askNext = async (left: Iterator<unknown>) => {
    while (!left.next().done) {
      const server = await findServer(caller);
      counts[server] = (counts[server] ?? 0) + 1;
    }
  };
  const left = Array(count).values();
  await Promise.all(Array.from({ length: 16 }, () => askNext(left)));
  return counts;
}

describe("of the routes of a model", () => {
  test("the one with the lowest priority serves every chat", async () => {
    const caller = await signUpCaller(sql, {
      routes: [
        { ...openai, priority: 2 },
        { ...anthropic, priority: 1 },
        { ...google, priority: 3 },
      ],
    });
    expect(await countServers(caller, 16)).toEqual({ anthropic: 16 });
  });

  test("two of equal weight serve about as many chats each", async () => {
    const caller = await signUpCaller(sql, { routes: [openai, anthropic] });
    const { openai: one = 0, anthropic: other = 0 } = await countServers(caller, 200);
    expect(one + other).toBe(200);
    // By chance it is less once in 10^12 runs.
    expect(Math.min(one, other)).toBeGreaterThanOrEqual(50);
  });

  test("one of a ninth of another's weight serves a few chats", async () => {
    const caller = await signUpCaller(sql, {
      routes: [
        { ...openai, weight: 90 },
        { ...anthropic, weight: 10 },
      ],
    });
    const { anthropic: few = 0 } = await countServers(caller, 200);
    // 20 are due. By chance it is none of 200 once in 10^9 runs.
    expect(few).toBeGreaterThanOrEqual(1);
    expect(few).toBeLessThanOrEqual(70);
  });

  test("the cheapest serves every chat, where the model says so, whatever the priorities are", async () => {
    const routes = [
      { ...openai, priority: 0, inputUsd: "0.000002", outputUsd: "0.000001" },
      // Dearer for answers, but prompts are longer.
      { ...google, priority: 1, inputUsd: "0.000001", outputUsd: "0.000003" },
      { ...anthropic, priority: 2, inputUsd: "0.000002", outputUsd: "0.000009" },
    ];
    const [cheapest, first] = await Promise.all([
      signUpCaller(sql, { routes, routeOrder: "cheapest" }),
      signUpCaller(sql, { routes }),
    ]);
    expect(await countServers(cheapest, 16)).toEqual({ google: 16 });
    expect(await countServers(first, 16)).toEqual({ openai: 16 });
  });

  test("that of the provider whom the caller prefers goes first; one that does not serve the model is ignored", async () => {
    const caller = await signUpCaller(sql, { routes: [openai, { ...google, priority: 1 }] });
    expect(await findServer(caller)).toBe("openai");
    expect(await findServer(caller, { provider: "google" })).toBe("google");
    expect(await findServer(caller, { provider: "anthropic" })).toBe("openai");
  });

  test("the others serve a chat whose caller prefers a provider that fails", async () => {
    const caller = await signUpCaller(sql, {
      routes: [openai, { ...google, simulate: "status=503", priority: 1 }],
    });
    const { result, headers } = await chats.ask(caller, { message: "Hello", provider: "google" });
    expect(result).toMatchObject({ provider: "openai", attempts: 2, credential: "environment" });
    expect(headers.get("x-sluice-attempts")).toBe("2");
  });

  test("one that is disabled is not called, from the next chat on", async () => {
    const caller = await signUpCaller(sql, { routes: [openai, { ...anthropic, priority: 1 }] });
    expect(await findServer(caller)).toBe("openai");
    await sql`update private.model_routes set is_enabled = false where model_id = ${caller.modelId} and provider = 'openai'`;
    expect(await findServer(caller)).toBe("anthropic");
  });
});

describe("a route that fails three times in a row", () => {
  /** Somebody whose first route is down, and three chats that it failed. */
  async function beginOutage(simulate = "") {
    const name = randomUUID();
    const routes = [
      { ...openai, simulate: `down=${name}${simulate}` },
      { ...anthropic, priority: 1 },
    ];
    const caller = await signUpCaller(sql, { routes });
    await provider.switchOutage(name, "begin");
    for (const _ of Array(3)) expect(await findServer(caller)).toBe("anthropic");
    return { name, caller };
  }
  const readOutage = ({ modelId }: Caller) => sql<{ failures: number; seconds: number | null }[]>`
    select o.failures, extract(epoch from o.until - o.updated_at)::float as seconds
    from private.route_outages o join private.model_routes r on r.id = o.route_id where r.model_id = ${modelId}`;
  /** As if the time were over for which it is left alone. */
  const makeDue = ({ modelId }: Caller) => sql`
    update private.route_outages set until = now() - interval '1 second'
    where route_id in (select id from private.model_routes where model_id = ${modelId})`;

  test("is left alone, then probed, and left alone for longer as long as it fails", async () => {
    const { caller } = await beginOutage();
    const settled = expect.poll(() => readOutage(caller));
    await settled.toEqual([{ failures: 3, seconds: 5 }]);
    const marker = randomUUID();
    expect(await findServer(caller, { message: marker })).toBe("anthropic");
    expect(await provider.findCalls(marker)).toMatchObject([{ format: "anthropic" }]);
    for (const [failures, seconds] of [
      [4, 10],
      [5, 20],
      [6, 20],
    ]) {
      await makeDue(caller);
      const probe = randomUUID();
      expect(await findServer(caller, { message: probe })).toBe("anthropic");
      expect(await provider.findCalls(probe)).toMatchObject([{ format: "openai" }, { format: "anthropic" }]);
      await expect.poll(() => readOutage(caller)).toEqual([{ failures, seconds }]);
    }
  });

  test("is probed by exactly one of many chats, and is back for all once it has answered", async () => {
    const hold = randomUUID();
    const { name, caller } = await beginOutage(`;hold=${hold}@0`);
    await expect.poll(() => readOutage(caller)).toMatchObject([{ failures: 3 }]);
    await provider.switchOutage(name, "end");
    await makeDue(caller);
    const marker = randomUUID();
    let served = 0;
    const asking = Array.from({ length: 12 }, async () => {
      const server = await findServer(caller, { message: marker });
      served++;
      return server;
    });
    await provider.waitForCall(marker, "running");
    // One is still waiting for the route when all others have long been answered.
    await expect.poll(() => served, { timeout: 10_000 }).toBe(11);
    expect((await provider.findCalls(marker)).filter(({ format }) => format === "openai")).toHaveLength(1);
    await provider.release(hold);
    expect((await Promise.all(asking)).toSorted()).toEqual([...Array(11).fill("anthropic"), "openai"]);
    expect([...(await readOutage(caller))]).toEqual([]);
    expect(await findServer(caller)).toBe("openai");
  });

  test("is open to other chats as soon as it begins to answer its probe", async () => {
    const hold = randomUUID();
    const { name, caller } = await beginOutage(`;tokens=20;hold=${hold}@5`);
    await expect.poll(() => readOutage(caller)).toMatchObject([{ failures: 3 }]);
    await provider.switchOutage(name, "end");
    await makeDue(caller);
    const [probe, second] = [randomUUID(), randomUUID()];
    const { events } = await chats.open(caller, { message: probe });
    await waitForEvent(events, "chunk");
    await expect.poll(() => readOutage(caller)).toEqual([{ failures: 3, seconds: null }]);
    const asking = findServer(caller, { message: second, options: {} });
    await provider.waitForCall(second, "running");
    await provider.release(hold);
    expect((await readRest(events)).at(-1)).toMatchObject({ type: "done", data: { provider: "openai" } });
    expect(await asking).toBe("openai");
    expect((await provider.findCalls(second)).map(({ format }) => format)).toEqual(["openai"]);
    await expect.poll(() => readOutage(caller)).toEqual([]);
  });

  test("is better than none: where no other answers it is asked all the same", async () => {
    const { name, caller } = await beginOutage();
    await expect.poll(() => readOutage(caller)).toMatchObject([{ failures: 3 }]);
    await provider.switchOutage(name, "end");
    await sql`update private.model_routes set is_enabled = false where model_id = ${caller.modelId} and provider = 'anthropic'`;
    expect(await findServer(caller)).toBe("openai");
    expect([...(await readOutage(caller))]).toEqual([]);
  });

  test("counts from the start again once it has answered", async () => {
    const name = randomUUID();
    const routes = [
      { ...openai, simulate: `down=${name}` },
      { ...anthropic, priority: 1 },
    ];
    const caller = await signUpCaller(sql, { routes });
    for (const change of ["begin", "end", "begin"] as const) {
      await provider.switchOutage(name, change);
      const server = change === "begin" ? "anthropic" : "openai";
      for (const _ of Array(2)) expect(await findServer(caller)).toBe(server);
      const left = change === "begin" ? [{ failures: 2, seconds: null }] : [];
      await expect.poll(() => readOutage(caller)).toEqual(left);
    }
  });
});
