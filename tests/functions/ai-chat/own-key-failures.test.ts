import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createByokClient, createOwnKeyChats } from "../../support/own-keys.ts";

const sql = connectDatabase();
const { chats, trace, readLedger, prefer, signUpByok } = createOwnKeyChats(sql);
const { save, list } = createByokClient();

const anthropic = { provider: "anthropic", upstream: "claude-haiku-4-5", priority: 1 };

describe("an own key that its provider refuses", () => {
  const broken = () => ({ routes: [{ simulate: `status=401;times=1;key=${randomUUID()}` }] });

  test("is marked invalid and not used again, and nobody pays for it with the platform's", async () => {
    const caller = await signUpByok(broken());
    const own = await save(caller);
    const first = await trace(caller);
    expect([first.status, first.error.code, first.keys]).toEqual([403, "own_key_refused", [own.lastFour]]);
    await expect.poll(async () => (await list(caller))["openai default"]?.status).toBe("invalid");
    const second = await trace(caller);
    expect([second.status, second.error.code, second.keys]).toEqual([403, "own_key_missing", []]);
    expect(await readLedger(caller)).toEqual([]);
    // Saved anew it is tried again.
    const again = await save(caller);
    expect(await trace(caller)).toMatchObject({ status: 200, keys: [again.lastFour] });
  });

  test("gives way to the caller's next key, the preferred one first", async () => {
    const caller = await signUpByok(broken());
    const [second, first] = [
      await save(caller, "openai", { name: "b" }),
      await save(caller, "openai", { name: "a", isPreferred: true }),
    ];
    expect(await trace(caller)).toMatchObject({
      ...{ status: 200, keys: [first.lastFour, second.lastFour] },
      result: { credential: "byok", attempts: 2 },
    });
  });

  test("gives way to the platform's where the caller allows it, at the plan's cost, and the answer says whose it was", async () => {
    const caller = await signUpByok(broken());
    const own = await save(caller);
    await prefer(caller, { allowPlatformKeys: true });
    const { result, keys } = await trace(caller);
    expect(keys).toEqual([own.lastFour, "ator"]);
    expect(result).toMatchObject({ credential: "environment", attempts: 2 });
    expect(result.costNano).toBeGreaterThan(0);
    expect(await readLedger(caller)).toEqual([
      expect.objectContaining({ is_byok: false, cost_nano: result.costNano }),
    ]);
  });

  test.each(["500", "429;retryafter=5"])(
    "cannot be called now (%s), and is not asked again: the platform's take over",
    async (fault) => {
      const caller = await signUpByok({
        routes: [{ simulate: `status=${fault};times=1;key=${randomUUID()}` }],
      });
      const own = await save(caller);
      await prefer(caller, { allowPlatformKeys: true });
      const { result, keys } = await trace(caller);
      expect(keys).toEqual([own.lastFour, "ator"]);
      expect(result).toMatchObject({ credential: "environment", attempts: 2 });
    },
  );

  test("is all that its owner is told where the plan has no budget for the platform's, which are not called", async () => {
    const caller = await signUpByok({
      ...broken(),
      limits: [{ unit: "nano_usd", window: "month", amount: 0 }],
    });
    const own = await save(caller);
    await prefer(caller, { allowPlatformKeys: true });
    const { status, error, keys } = await trace(caller);
    expect([status, error.code, keys]).toEqual([403, "own_key_refused", [own.lastFour]]);
    expect(await readLedger(caller)).toEqual([]);
    await expect.poll(async () => (await list(caller))["openai default"]?.status).toBe("invalid");
  });

  test("counts as one request of a rate with what follows, and as one of what runs at once", async () => {
    const caller = await signUpByok({
      ...broken(),
      limits: [
        { unit: "requests", window: "minute", amount: 1 },
        { unit: "concurrent", window: "instant", amount: 1 },
        { unit: "requests", window: "day", amount: 1 },
        { unit: "nano_usd", window: "month", amount: 10_000_000 },
      ],
    });
    await save(caller);
    await prefer(caller, { allowPlatformKeys: true });
    expect(await trace(caller)).toMatchObject({ status: 200, result: { credential: "environment" } });
    const drift = await sql`select * from private.metering_drift where user_id = ${caller.userId}`;
    expect(drift).toEqual([]);
  });

  test("gives way once in a stream, too, before the answer has begun, and the conversation has it all", async () => {
    const caller = await signUpByok({
      ...broken(),
      limits: [{ unit: "nano_usd", window: "month", amount: 10_000_000 }],
    });
    await save(caller);
    await prefer(caller, { allowPlatformKeys: true });
    const events = await chats.stream(caller, { message: "Hello", options: { maxTokens: 5 } });
    expect(events[0]).toMatchObject({ type: "start", data: { credential: "environment" } });
    const { conversationId } = (events[0] as { data: { conversationId: string } }).data;
    const { body } = await chats.request<{ messages: object[] }>(
      caller,
      "GET",
      `/conversations/${conversationId}`,
    );
    expect(body.messages).toHaveLength(2);
  });
});

test.each([
  ["status=429;code=insufficient_quota", 402, "own_key_exhausted"],
  ["status=403", 403, "own_key_not_permitted"],
  ["status=429;retryafter=60", 503, "provider_busy"],
])(
  "what a provider says of an own key (%s) is told to its owner, and keeps nobody else from theirs",
  async (simulate, status, code) => {
    const routes = [{ simulate: `${simulate};times=1;key=${randomUUID()}` }];
    const caller = await signUpByok({ routes });
    await save(caller);
    const refused = await trace(caller);
    expect([refused.status, refused.error.code]).toEqual([status, code]);
    if (code !== "own_key_not_permitted") {
      // While it waits that is told, and the list says for what.
      await expect.poll(async () => (await list(caller))["openai default"]?.cooldowns).toHaveLength(1);
      expect((await trace(caller)).error.code).toBe("own_key_unavailable");
    }
    const other = await signUpByok({ routes });
    const own = await save(other);
    expect(await trace(other)).toMatchObject({ status: 200, keys: [own.lastFour] });
  },
);

describe("what happens to somebody's own key", () => {
  const model = () => ({ routes: [{ simulate: "cut=2" }, anthropic] });

  test("says nothing of the route for others, however often it fails", async () => {
    const caller = await signUpByok(model());
    await save(caller);
    for (let time = 0; time < 4; time++) expect((await trace(caller)).status).toBe(502);
    const outages = await sql`
      select o.* from private.route_outages o join private.model_routes r on r.id = o.route_id
      where r.model_id = ${caller.modelId}`;
    expect(outages).toEqual([]);
  });

  test("ends no outage, and takes no probe of a route that is out", async () => {
    const caller = await signUpByok();
    await save(caller);
    const [route] = await sql`select id from private.model_routes where model_id = ${caller.modelId}`;
    await sql`
      insert into private.route_outages (route_id, failures, until) values (${route?.id}, 5, now() - interval '1 second')`;
    const read = () =>
      sql`select failures, until < now() as is_due from private.route_outages where route_id = ${route?.id}`;
    expect((await trace(caller)).status).toBe(200);
    expect(await read()).toEqual([{ failures: 5, is_due: true }]);
  });
});
