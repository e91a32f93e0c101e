import { describe, expect, test } from "vitest";
import { createAccounts, type UsageQuery } from "../../../shared/metering/accounts.ts";
import { startDatabase } from "../database/start-database.ts";
import { rejectionOf } from "../thrown-by.ts";

const row = {
  ...{ requests: 3, input_tokens: 10, cache_read_tokens: 60, cache_write_tokens: 30 },
  ...{ output_tokens: 40, reasoning_tokens: 25, cost_nano: 1234 },
};
const totals = {
  ...{ requests: 3, inputTokens: 10, cacheReadTokens: 60, cacheWriteTokens: 30 },
  ...{ outputTokens: 40, reasoningTokens: 25, costNano: 1234 },
};

/** The usage of a day by model, but for what is given. */
const queryOf = (given: Partial<UsageQuery> = {}): UsageQuery => ({
  from: "2026-11-20T00:00:00.000Z",
  to: "2026-11-21T00:00:00.000Z",
  groupBy: "model",
  page: { limit: 2, cursor: undefined },
  ...given,
});

describe("usage", () => {
  test("is asked for and told page by page, each where the one before ended", async () => {
    const { database, calls } = await startDatabase(({ body }) => ({
      body: {
        totals: row,
        groups: [{ key: body.page_cursor === undefined ? "openai/gpt-4o" : null, ...row }],
        next_cursor: body.page_cursor === undefined ? "openai/gpt-4o" : null,
      },
    }));
    const accounts = createAccounts(database);
    const first = await accounts.readUsage("user-1", queryOf());
    expect(first).toEqual({
      totals,
      groups: [{ key: "openai/gpt-4o", ...totals }],
      nextCursor: expect.stringMatching(/^[\w-]+$/),
    });
    const second = await accounts.readUsage(
      "user-1",
      queryOf({ page: { limit: 2, cursor: first.nextCursor ?? "" } }),
    );
    expect(second).toEqual({ totals, groups: [{ key: null, ...totals }], nextCursor: null });
    const asked = {
      ...{ user_id: "user-1", group_by: "model", page_limit: 2 },
      ...{ from_at: "2026-11-20T00:00:00.000Z", to_at: "2026-11-21T00:00:00.000Z" },
    };
    expect(calls).toEqual([
      { name: "get_usage", body: asked },
      { name: "get_usage", body: { ...asked, page_cursor: "openai/gpt-4o" } },
    ]);
  });

  test("in all has no groups and no next page", async () => {
    const { database, calls } = await startDatabase(() => ({
      body: { totals: row, groups: [], next_cursor: null },
    }));
    expect(await createAccounts(database).readUsage("user-1", queryOf({ groupBy: null }))).toEqual({
      totals,
      groups: [],
      nextCursor: null,
    });
    expect(calls[0]?.body).not.toHaveProperty("group_by");
  });

  test("by one thing is not told from where another list ended", async () => {
    const { database, calls } = await startDatabase(() => ({
      body: { totals: row, groups: [], next_cursor: "2026-11-20" },
    }));
    const accounts = createAccounts(database);
    const { nextCursor } = await accounts.readUsage("user-1", queryOf({ groupBy: "day" }));
    const cursor = String(nextCursor);
    const error = await rejectionOf(accounts.readUsage("user-1", queryOf({ page: { limit: 2, cursor } })));
    expect([error.code, error.toBody().error.param]).toEqual(["invalid_request", "cursor"]);
    expect(calls).toHaveLength(1);
  });
});

const limits = {
  plan: { id: "pro", name: "Pro" },
  next_plan: { id: "free", at: "2026-12-01T00:00:00+00:00" },
  time_zone: "Europe/Berlin",
  limits: [
    {
      ...{
        scope: "model",
        scope_id: "openai/o1",
        unit: "tokens",
        window: "day",
        limit: 100,
        used: 60,
        held: 15,
      },
      ...{
        resets_at: "2026-11-21T00:00:00+00:00",
        source: "override",
        expires_at: "2027-01-01T00:00:00+00:00",
      },
    },
    {
      ...{ scope: "all", scope_id: "", unit: "concurrent", window: "instant", limit: 2, used: 0, held: 1 },
      ...{ resets_at: null, source: "plan", expires_at: null },
    },
  ],
};
const told = {
  plan: { id: "pro", name: "Pro" },
  nextPlan: { id: "free", at: "2026-12-01T00:00:00.000Z" },
  timeZone: "Europe/Berlin",
  limits: [
    {
      ...{
        scope: "model",
        scopeId: "openai/o1",
        unit: "tokens",
        window: "day",
        limit: 100,
        used: 60,
        held: 15,
      },
      ...{ left: 25, resetsAt: "2026-11-21T00:00:00.000Z" },
      ...{ source: "override", expiresAt: "2027-01-01T00:00:00.000Z" },
    },
    {
      ...{ scope: "all", scopeId: "", unit: "concurrent", window: "instant", limit: 2, used: 0, held: 1 },
      ...{ left: 1, resetsAt: null, source: "plan", expiresAt: null },
    },
  ],
};

test("limits are told with what is left of each, and where they come from", async () => {
  const { database, calls } = await startDatabase(() => ({ body: limits }));
  expect(await createAccounts(database).readLimits("user-1")).toEqual(told);
  expect(calls).toEqual([{ name: "get_limits", body: { user_id: "user-1" } }]);
});

describe("a balance", () => {
  const budget = {
    ...{ limit_nano: 1000, used_nano: 700, held_nano: 100, credited_nano: 0 },
    resets_at: "2026-12-01T00:00:00+00:00",
  };
  const grant = {
    ...{ id: "grant-1", source_kind: "stripe_invoice", amount_nano: 500, left_nano: 200, priority: 1 },
    ...{ expires_at: null, created_at: "2026-11-01T00:00:00+00:00" },
  };
  const balance = { plan: limits.plan, budget, credits: { left_nano: 200, grants: [grant] } };

  test("is told with what is left of the budget and of each grant", async () => {
    const { database } = await startDatabase(() => ({ body: balance }));
    expect(await createAccounts(database).readBalance("user-1")).toEqual({
      plan: told.plan,
      budget: {
        ...{ limitNano: 1000, usedNano: 700, heldNano: 100, creditedNano: 0, leftNano: 200 },
        resetsAt: "2026-12-01T00:00:00.000Z",
      },
      credits: {
        leftNano: 200,
        grants: [
          {
            ...{ id: "grant-1", sourceKind: "stripe_invoice", amountNano: 500, leftNano: 200, priority: 1 },
            ...{ expiresAt: null, createdAt: "2026-11-01T00:00:00.000Z" },
          },
        ],
      },
    });
  });

  test.each([
    ["what credits paid for is not taken from the budget", { used_nano: 1300, credited_nano: 400 }, 0],
    [
      "of a budget that was raised since, too",
      { limit_nano: 2000, used_nano: 1300, credited_nano: 300 },
      900,
    ],
    ["what is held beyond it leaves nothing, and not less", { used_nano: 950 }, 0],
  ])("%s", async (_what, given, leftNano) => {
    const { database } = await startDatabase(() => ({
      body: { ...balance, budget: { ...budget, ...given } },
    }));
    expect((await createAccounts(database).readBalance("user-1")).budget?.leftNano).toBe(leftNano);
  });

  test("of a plan without a budget has none", async () => {
    const { database } = await startDatabase(() => ({ body: { ...balance, budget: null } }));
    expect((await createAccounts(database).readBalance("user-1")).budget).toBeNull();
  });
});

describe("a change of zone", () => {
  test("answers with the limits", async () => {
    const { database, calls } = await startDatabase(() => ({ body: limits }));
    expect(await createAccounts(database).setTimeZone("user-1", "Europe/Berlin")).toEqual(told);
    expect(calls).toEqual([
      { name: "set_time_zone", body: { user_id: "user-1", time_zone: "Europe/Berlin" } },
    ]);
  });

  test("within a day of the last one says when it can be changed again", async () => {
    const detail = { resets_at: "2026-11-21T23:00:00+00:00", retry_after_ms: 3600_001 };
    const { database } = await startDatabase(() => ({ body: { refusal: "SL429", detail } }));
    const error = await rejectionOf(createAccounts(database).setTimeZone("user-1", "UTC"));
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 3601 });
    expect(error.toBody().error).toMatchObject({
      code: "rate_limited",
      param: "timeZone",
      message: "timeZone: was changed within a day. It can be changed again at 2026-11-21T23:00:00.000Z.",
      resetsAt: "2026-11-21T23:00:00.000Z",
    });
  });

  test("to what is no zone names the field", async () => {
    const { database } = await startDatabase(() => ({ body: { refusal: "SL400" } }));
    const error = await rejectionOf(createAccounts(database).setTimeZone("user-1", "Mars/Olympus"));
    expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: "timeZone" });
    expect(error.message).toMatch(/Europe\/Berlin/);
  });

  test("of somebody who is gone is refused as their token is", async () => {
    const { database } = await startDatabase(() => ({ body: { refusal: "SL401" } }));
    expect((await rejectionOf(createAccounts(database).setTimeZone("user-1", "UTC"))).code).toBe(
      "unauthorized",
    );
  });
});

test("whoever has no account any more is refused as their token is", async () => {
  const { database } = await startDatabase(() => ({ body: null }));
  const accounts = createAccounts(database);
  for (const reading of [accounts.readLimits("user-1"), accounts.readBalance("user-1")])
    expect((await rejectionOf(reading)).code).toBe("unauthorized");
});

test("while the database is away it is said to be away", async () => {
  const { database } = await startDatabase(() => ({
    status: 503,
    body: { code: "PGRST000", message: "no" },
  }));
  const accounts = createAccounts(database);
  for (const reading of [
    accounts.readLimits("user-1"),
    accounts.readBalance("user-1"),
    accounts.readUsage("user-1", queryOf()),
    accounts.setTimeZone("user-1", "UTC"),
  ])
    expect((await rejectionOf(reading)).code).toBe("database_unavailable");
});
