import { expect, test } from "vitest";
import { createServiceHolds } from "../../../shared/metering/service-holds.ts";
import { startDatabase } from "../database/start-database.ts";
import { rejectionOf } from "../thrown-by.ts";

const usage = {
  ...{ inputTokens: 10, cacheReadTokens: 60, cacheWriteTokens: 30 },
  ...{ outputTokens: 40, reasoningTokens: 25 },
};
const usageRow = {
  ...{ input_tokens: 10, cache_read_tokens: 60, cache_write_tokens: 30 },
  ...{ output_tokens: 40, reasoning_tokens: 25 },
};
const answer = {
  ...{ hold_id: "hold-1", state: "pending", expires_at: "2026-11-20T10:10:00+00:00" },
  ...{ usage: usageRow, cost_nano: 1234 },
  limits: [
    {
      ...{ scope: "all", scope_id: "", unit: "tokens", window: "day", limit: 500, used: 100, held: 300 },
      resets_at: "2026-11-21T00:00:00+00:00",
    },
  ],
};
const hold = {
  ...{ id: "hold-1", state: "pending", expiresAt: "2026-11-20T10:10:00.000Z", usage, costNano: 1234 },
  limits: [
    {
      ...{
        scope: "all",
        scopeId: "",
        unit: "tokens",
        window: "day",
        limit: 500,
        used: 100,
        held: 300,
        left: 100,
      },
      resetsAt: "2026-11-21T00:00:00.000Z",
    },
  ],
};
const request = {
  ...{ holdId: "hold-1", userId: "user-1", service: "images", tokens: 300, costNano: 5000 },
  idempotency: { key: "key-1", bodyHash: "abc" },
};

test("a hold is placed with its key, and told whether it is a new one", async () => {
  for (const isReplay of [false, true]) {
    const { database, calls } = await startDatabase(() => ({ body: { ...answer, is_replay: isReplay } }));
    expect(await createServiceHolds(database).place(request)).toEqual({ ...hold, isReplay });
    const item = {
      ...{ hold_id: "hold-1", user_id: "user-1", service: "images", tokens: 300, cost_nano: 5000 },
      ...{ idempotency_key: "key-1", body_hash: "abc" },
    };
    expect(calls).toEqual([{ name: "place_hold", body: { item } }]);
  }
});

test("without a key none is sent", async () => {
  const { database, calls } = await startDatabase(() => ({ body: { ...answer, is_replay: false } }));
  await createServiceHolds(database).place({ ...request, idempotency: null });
  expect(calls[0]?.body.item).toMatchObject({ idempotency_key: null, body_hash: null });
});

test("a settlement sends what was used, and gives what the ledger has", async () => {
  const { database, calls } = await startDatabase(() => ({ body: { ...answer, state: "settled" } }));
  const settled = await createServiceHolds(database).settle("hold-1", { usage, costNano: 1234 });
  expect(settled).toEqual({ ...hold, state: "settled" });
  const item = { hold_id: "hold-1", cost_nano: 1234, usage: usageRow };
  expect(calls).toEqual([{ name: "settle_hold", body: { item } }]);
});

test("a release names the hold", async () => {
  const { database, calls } = await startDatabase(() => ({ body: { ...answer, state: "settled" } }));
  expect(await createServiceHolds(database).release("hold-1")).toEqual({ ...hold, state: "settled" });
  expect(calls).toEqual([{ name: "release_hold", body: { hold_id: "hold-1" } }]);
});

const limit = {
  ...{
    owner: "caller",
    scope: "all",
    scope_id: "",
    unit: "tokens",
    window: "day",
    limit: 500,
    used: 499,
    held: 0,
  },
  ...{ resets_at: "2026-11-21T00:00:00+00:00", retry_after_ms: null, upgrade: null },
};

test.each([
  ["SL401", undefined, 404, "user_not_found", "userId"],
  ["SL402", limit, 402, "quota_exceeded", null],
  ["SL429", { ...limit, window: "minute", retry_after_ms: 1500 }, 429, "rate_limited", null],
  ["SL422", undefined, 422, "idempotency_mismatch", "Idempotency-Key"],
  ["SL999", undefined, 500, "internal_error", null],
])("the refusal %s of a hold is told as what it is", async (refusal, detail, status, code, param) => {
  const { database } = await startDatabase(() => ({ body: { hold_id: "hold-1", refusal, detail } }));
  const error = await rejectionOf(createServiceHolds(database).place(request));
  expect([error.status, error.code, error.toBody().error.param]).toEqual([status, code, param]);
});

test("a hold that there is not, or that is a chat's, is neither settled nor released", async () => {
  const { database } = await startDatabase(() => ({ body: { hold_id: "hold-1", refusal: "SL44H" } }));
  const holds = createServiceHolds(database);
  for (const closing of [holds.settle("hold-1", { usage, costNano: 0 }), holds.release("hold-1")])
    expect((await rejectionOf(closing)).code).toBe("hold_not_found");
});
