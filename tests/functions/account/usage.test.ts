import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { UsageReport, UsageTotals } from "../../../shared/metering/accounts.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { addLedgerRows } from "../../support/ledger-rows.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { makeModel } from "../../support/test-models.ts";

type Usage = UsageReport & { from: string; to: string };

const sql = connectDatabase();
const account = createAccountClient();
const chats = createChatClient();

const nothing: UsageTotals = {
  ...{ requests: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
  ...{ outputTokens: 0, reasoningTokens: 0, costNano: 0 },
};

/** What the ledger has of somebody, by the values of one of its columns. */
async function readLedger(userId: string, column: string) {
  return sql<({ key: string | null } & UsageTotals)[]>`
    select
      ${sql.unsafe(column)}::text as key, count(distinct hold_id)::bigint as requests,
      sum(input_tokens)::bigint as "inputTokens", sum(cache_read_tokens)::bigint as "cacheReadTokens",
      sum(cache_write_tokens)::bigint as "cacheWriteTokens", sum(output_tokens)::bigint as "outputTokens",
      sum(reasoning_tokens)::bigint as "reasoningTokens", sum(cost_nano)::bigint as "costNano"
    from private.ledger where user_id = ${userId} group by 1 order by 1 nulls last`;
}

test("usage is what the ledger has, in all and by model, provider, conversation and day", async () => {
  const caller = await signUpCaller(sql, { simulate: "tokens=7;cached=3;reasoning=2" });
  const other = await makeModel(sql, { routes: [{ provider: "anthropic", upstream: "claude-haiku-4-5" }] });
  await sql`insert into private.plan_models (plan_id, model_id) values (${caller.planId}, ${other})`;
  const stranger = await signUpCaller(sql);
  await chats.ask(stranger, { message: "Not of the caller" });

  const { result } = await chats.ask(caller, { message: "One" });
  await chats.ask(caller, { message: "Two", conversationId: result.conversationId });
  await chats.ask(caller, { message: "Elsewhere", model: other });
  const hold = await account.placeHold({ userId: caller.userId, tokens: 500, costNano: 9000 });
  await account.settleHold(hold.body.id, { usage: { inputTokens: 400 }, costNano: 8000 });
  // What was released is no usage.
  const unused = await account.placeHold({ userId: caller.userId, tokens: 500 });
  await account.releaseHold(unused.body.id);

  const { status, body } = await account.get<Usage>(caller, "/usage");
  const { key: _, ...totals } = (await readLedger(caller.userId, "'all'"))[0] as UsageTotals & {
    key: string;
  };
  expect(status).toBe(200);
  expect(totals).toMatchObject({ requests: 4, cacheReadTokens: 6 });
  expect(body).toEqual({
    ...{ from: expect.any(String), to: expect.any(String) },
    ...{ totals, groups: [], nextCursor: null },
  });
  expect(Date.parse(body.to) - Date.parse(body.from)).toBe(30 * 86_400_000);

  for (const [groupBy, column] of [
    ["model", "coalesce(model_id, provider)"],
    ["provider", "provider"],
    ["conversation", "conversation_id"],
    ["day", "(held_at at time zone 'UTC')::date"],
  ] as const) {
    const grouped = await account.get<Usage>(caller, `/usage?groupBy=${groupBy}`);
    const expected = await readLedger(caller.userId, column);
    expect(grouped.body.totals).toEqual(totals);
    const byKey = (rows: { key: string | null }[]) =>
      rows.toSorted((a, b) => String(a.key).localeCompare(String(b.key)));
    expect(byKey(grouped.body.groups)).toEqual(byKey([...expected]));
  }
});

test("whoever has used nothing is told so", async () => {
  const { status, body } = await account.get<Usage>(await signUp(), "/usage?groupBy=day");
  expect([status, body.totals, body.groups, body.nextCursor]).toEqual([200, nothing, [], null]);
});

test("the beginning of a range belongs to it and its end does not; a date is its midnight in UTC", async () => {
  const person = await signUp();
  await addLedgerRows(sql, person.userId, [
    { heldAt: "2026-03-09T23:59:59.999Z", costNano: 1 },
    { heldAt: "2026-03-10T00:00:00Z", costNano: 20 },
    { heldAt: "2026-03-11T23:59:59.999Z", costNano: 300 },
    { heldAt: "2026-03-12T00:00:00Z", costNano: 4000 },
  ]);
  for (const [range, costNano] of [
    ["from=2026-03-10&to=2026-03-12", 320],
    ["from=2026-03-10T00:00:00Z&to=2026-03-12T00:00:00.000Z", 320],
    ["from=2026-03-10T01:00:00%2B01:00&to=2026-03-12T00:00:00.001Z", 4320],
    ["from=2026-03-09&to=2026-03-10", 1],
    ["to=2026-03-10", 1],
  ] as const) {
    const { body } = await account.get<Usage>(person, `/usage?${range}`);
    expect([range, body.totals.costNano]).toEqual([range, costNano]);
  }
  const { body } = await account.get<Usage>(person, "/usage?from=2026-03-10&to=2026-03-12");
  expect([body.from, body.to]).toEqual(["2026-03-10T00:00:00.000Z", "2026-03-12T00:00:00.000Z"]);
});

test("a request that called two providers is one request, and one of each of them", async () => {
  const person = await signUp();
  const holdId = randomUUID();
  const heldAt = "2026-03-10T10:00:00Z";
  await addLedgerRows(sql, person.userId, [
    { heldAt, holdId, attempt: 1, provider: "openai", inputTokens: 10, costNano: 5 },
    { heldAt, holdId, attempt: 2, provider: "anthropic", inputTokens: 10, outputTokens: 7, costNano: 60 },
  ]);
  const range = "from=2026-03-10&to=2026-03-11";
  const { body } = await account.get<Usage>(person, `/usage?${range}&groupBy=provider`);
  expect(body.totals).toEqual({ ...nothing, requests: 1, inputTokens: 20, outputTokens: 7, costNano: 65 });
  expect(body.groups).toEqual([
    { ...nothing, key: "anthropic", requests: 1, inputTokens: 10, outputTokens: 7, costNano: 60 },
    { ...nothing, key: "openai", requests: 1, inputTokens: 10, costNano: 5 },
  ]);
});

describe("page by page", () => {
  /** All pages of so many groups. */
  async function readPages(person: { token: string }, query: string, limit: number): Promise<Usage[]> {
    const pages: Usage[] = [];
    for (let cursor = ""; ; ) {
      const { status, body } = await account.get<Usage>(person, `/usage?${query}&limit=${limit}${cursor}`);
      expect(status).toBe(200);
      pages.push(body);
      if (body.nextCursor === null) return pages;
      cursor = `&cursor=${body.nextCursor}`;
    }
  }

  test("days come newest first, in the caller's zone, and none is lost or comes twice", async () => {
    const person = await signUp();
    const changed = await account.send("PATCH", "", {
      token: person.token,
      body: { timeZone: "Pacific/Kiritimati" },
    });
    expect(changed.status).toBe(200);
    // Fourteen hours ahead: each of these is in the evening of the day before in UTC.
    await addLedgerRows(
      sql,
      person.userId,
      [8, 9, 10, 10, 11, 12].map((day) => ({
        heldAt: `2026-03-${String(day - 1).padStart(2, "0")}T10:30:00Z`,
        costNano: 10 ** (day - 8),
      })),
    );
    const pages = await readPages(person, "from=2026-03-01&to=2026-04-01&groupBy=day", 2);
    expect(
      pages.map(({ groups }) => groups.map(({ key, requests, costNano }) => [key, requests, costNano])),
    ).toEqual([
      [
        ["2026-03-12", 1, 10_000],
        ["2026-03-11", 1, 1000],
      ],
      [
        ["2026-03-10", 2, 200],
        ["2026-03-09", 1, 10],
      ],
      [["2026-03-08", 1, 1]],
    ]);
    // The totals are those of the range, not of the page.
    for (const { totals } of pages) expect(totals).toMatchObject({ requests: 6, costNano: 11_211 });
  });

  test("models come in the order of their names, whatever letters they have", async () => {
    const person = await signUp();
    const models = ["Zeta/z", "alpha/a", "наш/модель", "alpha/ä 🌊", "alpha/a-b", "alpha/A"];
    await addLedgerRows(
      sql,
      person.userId,
      models.map((model) => ({ heldAt: "2026-03-10T10:00:00Z", model, costNano: 1 })),
    );
    for (const limit of [1, 4, 6, 100]) {
      const pages = await readPages(person, "from=2026-03-10&to=2026-03-11&groupBy=model", limit);
      expect(pages).toHaveLength(Math.ceil(models.length / limit));
      expect(pages.flatMap(({ groups }) => groups.map(({ key }) => key))).toEqual(
        models.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }
  });

  test("what was said in no conversation comes last", async () => {
    const person = await signUp();
    const ids = Array.from({ length: 3 }, () => randomUUID());
    const heldAt = "2026-03-10T10:00:00Z";
    await addLedgerRows(sql, person.userId, [
      { heldAt, costNano: 1 },
      ...ids.map((conversationId) => ({ heldAt, conversationId, costNano: 2 })),
    ]);
    for (const limit of [1, 2, 3, 4]) {
      const pages = await readPages(person, "from=2026-03-10&to=2026-03-11&groupBy=conversation", limit);
      expect(pages.flatMap(({ groups }) => groups.map(({ key }) => key))).toEqual([...ids.toSorted(), null]);
    }
  });
});

const sample = "2026-03-10";
test.each([
  ["from=yesterday", "from"],
  ["from=", "from"],
  ["from=2026-02-30", "from"],
  ["from=2026-03-10T10:00", "from"],
  ["from=2026-03-10T10:00:00+01:00", "from"],
  ["from=1999-12-31", "from"],
  ["from=0001-01-01T00:00:00%2B14:00", "from"],
  ["to=2100-01-02", "to"],
  ["to=9999-12-31T23:59:59-14:00", "to"],
  ["to=1773136800", "to"],
  [`from=${sample}&to=${sample}`, "from"],
  [`from=2026-03-11&to=${sample}`, "from"],
  [`from=2025-03-08&to=${sample}`, "from"],
  ["groupBy=user", "groupBy"],
  ["groupBy=", "groupBy"],
  ["groupBy=day&limit=0", "limit"],
  ["groupBy=day&limit=101", "limit"],
  ["groupBy=day&limit=ten", "limit"],
  ["groupBy=day&limit=1.5", "limit"],
  ["groupBy=day&cursor=", "cursor"],
  ["groupBy=day&cursor=x", "cursor"],
  [`groupBy=day&cursor=${btoa('["model","a"]')}`, "cursor"],
  [`groupBy=day&cursor=${btoa('["day","a\\u0000b"]')}`, "cursor"],
  [`groupBy=day&cursor=${"x".repeat(601)}`, "cursor"],
  [`cursor=${btoa('["day","2026-03-10"]')}`, "cursor"],
  ["userId=1", "userId"],
])("a question that cannot be, %s, is a 400 that names the field and the remedy", async (query, param) => {
  const { status, body } = await account.get(await signUp(), `/usage?${query}`);
  expect([status, body.error]).toEqual([
    400,
    {
      type: "invalid_request_error",
      code: "invalid_request",
      param,
      message: expect.stringMatching(`^${param}: [\\S ]{4,200}\\.$`),
    },
  ]);
});

test("a leap year fits into one question, and a day more does not", async () => {
  const person = await signUp();
  expect((await account.get(person, "/usage?from=2024-01-01&to=2025-01-01")).status).toBe(200);
  const { status, body } = await account.get(person, "/usage?from=2024-01-01&to=2025-01-01T00:00:00.001Z");
  expect([status, body.error.message]).toEqual([400, "from: must be at most 366 days before to."]);
});
