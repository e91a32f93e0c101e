import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { ApiKey } from "../../../shared/credentials/api-keys.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { makeApiKey } from "../../support/api-keys.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp } from "../../support/people.ts";

const sql = connectDatabase();
const account = createAccountClient();

const list = async (person: { token: string }) =>
  (await account.get<{ apiKeys: ApiKey[] }>(person, "/api-keys")).body.apiKeys;
const send = <Body>(person: { token: string }, method: string, path: string, body?: unknown) =>
  account.send<Body & { error: { code: string; param: string | null; message: string } }>(
    method,
    `/api-keys${path}`,
    {
      token: person.token,
      body,
    },
  );

test("a key is told once, when it is made, and kept as a digest alone", async () => {
  const person = await signUp();
  const { status, headers, body } = await send<ApiKey & { key: string }>(person, "POST", "", {
    ...{ name: " My app ", scopes: ["chat", "chat"], expiresAt: "2099-01-31T00:00:00+02:00" },
    limits: [{ unit: "requests", window: "day", amount: 10 }],
  });
  expect([status, headers.get("cache-control")]).toEqual([201, "no-store"]);
  const { key, ...rest } = body;
  expect(key).toMatch(/^slc_live_[0-9A-Za-z]{49}$/);
  expect(rest).toEqual({
    ...{ id: expect.any(String), name: "My app", scopes: ["chat"], lastFour: key.slice(-4) },
    limits: [{ unit: "requests", window: "day", amount: 10 }],
    ...{
      createdAt: expect.any(String),
      expiresAt: "2099-01-30T22:00:00+00:00",
      revokedAt: null,
      lastUsedAt: null,
    },
  });
  expect(await list(person)).toEqual([rest]);
  const [row] = await sql`select k::text as text from private.api_keys k where id = ${rest.id}`;
  expect(row?.text).not.toContain(key.slice(9, -4));
});

test("keys are listed newest first, each person's for themselves", async () => {
  const [one, other] = await Promise.all([signUp(), signUp()]);
  const made = [
    await makeApiKey(one, { name: "a" }),
    await makeApiKey(one, { name: "b" }),
    await makeApiKey(one, { name: "c" }),
  ];
  await makeApiKey(other);
  expect((await list(one)).map(({ id }) => id)).toEqual(made.map(({ id }) => id).reverse());
});

test("name, scopes, limits and expiry can be changed, one without the others", async () => {
  const person = await signUp();
  const made = await makeApiKey(person, {
    name: "old",
    limits: [{ unit: "tokens", window: "day", amount: 5 }],
  });
  const steps: [change: object, expected: object][] = [
    [{ name: "new" }, { name: "new", scopes: ["chat", "models", "usage"], expiresAt: null }],
    [{ scopes: ["usage"] }, { name: "new", scopes: ["usage"] }],
    [{ expiresAt: "2099-01-01T00:00:00Z" }, { scopes: ["usage"], expiresAt: "2099-01-01T00:00:00+00:00" }],
    [
      { expiresAt: null, limits: [] },
      { expiresAt: null, limits: [] },
    ],
  ];
  for (const [change, expected] of steps) {
    const { status, body } = await send<{ apiKey: ApiKey }>(person, "PATCH", `/${made.id}`, change);
    expect([status, body.apiKey]).toEqual([200, expect.objectContaining(expected)]);
  }
});

test("a key that is revoked stays in the list, cannot be changed, and is revoked once", async () => {
  const person = await signUp();
  const { id } = await makeApiKey(person);
  expect((await send(person, "DELETE", `/${id}`)).status).toBe(204);
  const [revoked] = await list(person);
  expect(revoked).toMatchObject({ id, revokedAt: expect.any(String) });
  expect((await send(person, "DELETE", `/${id}`)).status).toBe(204);
  expect(await list(person)).toEqual([revoked]);
  const { status, body } = await send(person, "PATCH", `/${id}`, { name: "again" });
  expect([status, body.error.code]).toEqual([404, "api_key_not_found"]);
});

test.each([
  [
    "another person's",
    () =>
      signUp()
        .then(makeApiKey)
        .then(({ id }) => id),
  ],
  ["one that there is not", async () => randomUUID()],
  ["what is no id", async () => "abc"],
])("%s can be neither changed nor revoked", async (_whose, find) => {
  const [person, id] = await Promise.all([signUp(), find()]);
  for (const [method, body] of [
    ["PATCH", { name: "mine" }],
    ["DELETE", undefined],
  ] as const) {
    const answer = await send(person, method, `/${id}`, body);
    expect([answer.status, answer.body.error.code]).toEqual([404, "api_key_not_found"]);
  }
});

const good = { name: "app", scopes: ["chat"] };

test.each<[body: unknown, param: string | null, message: string]>([
  [{ scopes: ["chat"] }, "name", "name: is missing."],
  [{ ...good, name: " " }, "name", "name: is empty."],
  [{ ...good, name: "n".repeat(101) }, "name", "name: must have at most 100 characters."],
  [{ name: "app" }, "scopes", "scopes: is missing."],
  [{ ...good, scopes: [] }, "scopes", "scopes: is empty."],
  [{ ...good, scopes: ["admin"] }, "scopes.0", 'scopes.0: must be "chat" or "models" or "usage".'],
  [
    { ...good, expiresAt: "tomorrow" },
    "expiresAt",
    "expiresAt: must be a time such as 2027-01-31T00:00:00Z.",
  ],
  [{ ...good, expiresAt: "2026-01-01T00:00:00Z" }, "expiresAt", "expiresAt: must be in the future."],
  [
    { ...good, limits: [{ unit: "requests", window: "hour", amount: 1 }] },
    "limits.0.window",
    'limits.0.window: must be "minute" or "day" or "month" or "instant".',
  ],
  [
    { ...good, limits: [{ unit: "tokens", window: "instant", amount: 1 }] },
    "limits.0.window",
    "limits.0.window: must be instant for concurrent, and only for that.",
  ],
  [
    { ...good, limits: [{ unit: "requests", window: "minute", amount: 0 }] },
    "limits.0.amount",
    "limits.0.amount: must be at least 1: a rate of nothing is none; revoke the key.",
  ],
  [
    { ...good, limits: [{ unit: "tokens", window: "day", amount: null }] },
    "limits.0.amount",
    "limits.0.amount: must be a number.",
  ],
  [
    { ...good, limits: [1, 2].map((amount) => ({ unit: "tokens", window: "day", amount })) },
    "limits",
    "limits: must not name a unit and window twice.",
  ],
  [{ ...good, userId: "x" }, "userId", "userId: is not a known field: remove it."],
  [{ ...good, key: "slc_live_x" }, "key", "key: is not a known field: remove it."],
])("%j is refused with what is wrong, and no key is made", async (body, param, message) => {
  const person = await signUp();
  const answer = await send(person, "POST", "", body);
  expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([
    400,
    "invalid_request",
    param,
  ]);
  expect(answer.body.error.message).toBe(message);
  expect(await list(person)).toEqual([]);
});

test("a change of nothing is refused", async () => {
  const person = await signUp();
  const { id } = await makeApiKey(person);
  expect((await send(person, "PATCH", `/${id}`, {})).status).toBe(400);
});

test("nobody has more than fifty keys that count, however many are made at once", async () => {
  const person = await signUp();
  const answers = await Promise.all(Array.from({ length: 60 }, () => send<ApiKey>(person, "POST", "", good)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
  expect(answers.filter(({ body }) => body.error?.code === "too_many_keys")).toHaveLength(10);
  const [{ id } = { id: "" }] = await list(person);
  await send(person, "DELETE", `/${id}`);
  expect((await send(person, "POST", "", good)).status).toBe(201);
});
