import { expect, test } from "vitest";
import { connectDatabase } from "../../support/connect-database.ts";
import { createByokClient, setByok } from "../../support/own-keys.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { makeProviderKey } from "../../support/simulated-providers.ts";

const sql = connectDatabase();
const { request, save, list } = createByokClient();

const readRows = (userId: string) => sql`
  select provider, name, sealed_key, status, is_preferred from private.byok_keys where user_id = ${userId} order by provider, name`;

test.each(["openai", "anthropic", "google", "openrouter"])(
  "a key of %s that the provider accepts is saved, and never told again",
  async (provider) => {
    const person = await signUp();
    const key = makeProviderKey();
    const { status, headers, body } = await request<{ key: Record<string, unknown> }>(
      person,
      "PUT",
      `/${provider}`,
      { key },
    );
    expect(status).toBe(201);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body.key).toEqual({
      ...{ id: expect.any(String), provider, name: "default", lastFour: key.slice(-4), baseUrl: null },
      ...{
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        status: "valid",
        isPreferred: true,
        cooldowns: [],
      },
      ...{ createdAt: expect.any(String), checkedAt: expect.any(String), lastUsedAt: null },
    });
    const listed = await request<{ keys: unknown[] }>(person, "GET", "");
    expect(listed.body).toEqual({
      ...{ permission: "allowed", areUsed: false, mayFallBack: false, keys: [body.key] },
      providers: expect.arrayContaining(["openai", "anthropic", "google", "openrouter"]),
    });
    const rows = await readRows(person.userId);
    expect(rows).toEqual([
      {
        provider,
        name: "default",
        sealed_key: expect.stringMatching(/^v1\.k1\.[\w-]{100,}$/),
        status: "valid",
        is_preferred: true,
      },
    ]);
    expect(JSON.stringify([body, listed.body, rows])).not.toContain(key.slice(0, -4));
  },
);

test.each([
  ["openai", "sk-invalid-0123456789"],
  ["anthropic", "sk-invalid-0123456789"],
  ["google", "sk-invalid-0123456789"],
  ["openrouter", "sk-invalid-0123456789"],
  ["openai", "sk-status-403-0123456789"],
])("a key that %s refuses (%s) is not saved", async (provider, key) => {
  const person = await signUp();
  const { status, body } = await request(person, "PUT", `/${provider}`, { key });
  expect([status, body.error.code, body.error.param]).toEqual([422, "key_refused", "key"]);
  expect(await readRows(person.userId)).toEqual([]);
});

test.each([429, 500, 503])(
  "where the provider answers %i the key is saved, and said to be unverified",
  async (refusal) => {
    const person = await signUp();
    const { saved } = await save(person, "openai", { key: `sk-status-${refusal}-${makeProviderKey()}` });
    expect(saved.status).toBe("unverified");
  },
);

test("a key under a name takes the place of the one that was there, and is as preferred as that", async () => {
  const person = await signUp();
  const first = await save(person);
  await save(person, "openai", { name: "work" });
  await request(person, "PATCH", "/openai", { name: "work", isPreferred: true });
  const again = await save(person, "openai", { name: "work" });
  expect(again.saved).toMatchObject({ name: "work", isPreferred: true, lastFour: again.lastFour });
  const { status } = await request(person, "PUT", "/openai", { key: makeProviderKey(), name: "work" });
  expect(status).toBe(200);
  expect(await list(person)).toMatchObject({
    "openai default": { id: first.saved.id, isPreferred: false },
    "openai work": { isPreferred: true },
  });
});

test("of the keys of a provider one is preferred: the first, until another is, and the oldest where that is deleted", async () => {
  const person = await signUp();
  await save(person, "openai", { name: "a" });
  await save(person, "openai", { name: "b" });
  await save(person, "openai", { name: "c", isPreferred: true });
  await save(person, "google", { name: "d" });
  const preferred = async () =>
    Object.entries(await list(person)).flatMap(([name, { isPreferred }]) => (isPreferred ? [name] : []));
  expect(await preferred()).toEqual(["google d", "openai c"]);
  const { status, body } = await request<{ key: unknown }>(person, "PATCH", "/openai", {
    name: "b",
    isPreferred: true,
  });
  expect([status, body.key]).toEqual([200, expect.objectContaining({ name: "b", isPreferred: true })]);
  expect(await preferred()).toEqual(["google d", "openai b"]);
  expect((await request(person, "DELETE", "/openai?name=b")).status).toBe(204);
  expect(await preferred()).toEqual(["google d", "openai a"]);
  expect((await request(person, "DELETE", "/openai")).status).toBe(204);
  expect(Object.keys(await list(person))).toEqual(["google d"]);
});

test("what is saved at once under one name leaves one key, and one that is preferred", async () => {
  const person = await signUp();
  await Promise.all(Array.from({ length: 8 }, () => save(person, "openai", { isPreferred: true })));
  await Promise.all(["a", "b", "c", "d"].map((name) => save(person, "openai", { name, isPreferred: true })));
  const rows = await readRows(person.userId);
  expect(rows.map(({ name }) => name)).toEqual(["a", "b", "c", "d", "default"]);
  expect(rows.filter(({ is_preferred }) => is_preferred)).toHaveLength(1);
});

test("the same key is not saved twice under two names, but for two people it is", async () => {
  const [one, other] = await Promise.all([signUp(), signUp()]);
  const { text, saved } = await save(one, "openai", { name: "first" });
  const { status, body } = await request(one, "PUT", "/openai", { key: text, name: "second" });
  expect([status, body.error.code]).toEqual([409, "key_exists"]);
  expect(body.error.message).toBe('key: this very key is saved already, as "first".');
  expect((await save(one, "openai", { key: text, name: "first" })).saved.fingerprint).toBe(saved.fingerprint);
  expect((await save(other, "openai", { key: text })).saved.fingerprint).toBe(saved.fingerprint);
});

test("a key that is saved can be tried again: what the provider says of it is taken down", async () => {
  const person = await signUp();
  await save(person, "openai", { key: `sk-status-503-${makeProviderKey()}`, name: "late" });
  const { text } = await save(person, "openai", { name: "good" });
  expect((await list(person))["openai late"]?.status).toBe("unverified");
  // As if the provider had answered otherwise in between.
  await sql`update private.byok_keys set status = 'invalid' where user_id = ${person.userId} and name = 'good'`;
  const { status, body } = await request<{ key: unknown }>(person, "POST", "/openai/test", { name: "good" });
  expect([status, body.key]).toEqual([200, expect.objectContaining({ name: "good", status: "valid" })]);
  expect(JSON.stringify(body)).not.toContain(text.slice(0, -4));
  const preferred = await request<{ key: unknown }>(person, "POST", "/openai/test", {});
  expect(preferred.body.key).toMatchObject({ name: "late", status: "unverified" });
});

test.each([
  ["PATCH", "/openai", { name: "none", isPreferred: true }],
  ["DELETE", "/openai", undefined],
  ["DELETE", "/openai?name=none", undefined],
  ["POST", "/openai/test", {}],
  ["POST", "/nobody/test", { name: "none" }],
  ["POST", "/open%00ai/test", {}],
  ["DELETE", "/open%00ai", undefined],
  ["PATCH", "/open%00ai", { name: "none", isPreferred: true }],
])("%s %s of a key that there is not is answered with 404", async (method, path, body) => {
  const answer = await request(await signUp(), method, path, body);
  expect([answer.status, answer.body.error.code]).toEqual([404, "provider_key_not_found"]);
});

test("what a plan forbids is neither saved nor tried, and the plan says so in the list", async () => {
  const caller = await signUpCaller(sql);
  await save(caller);
  await setByok(sql, caller, "forbidden");
  for (const [method, path, body] of [
    ["PUT", "/openai", { key: makeProviderKey(), name: "b" }],
    ["POST", "/openai/test", {}],
  ] as const) {
    const answer = await request(caller, method, path, body);
    expect([path, answer.status, answer.body.error.code]).toEqual([path, 403, "byok_forbidden"]);
  }
  const { body } = await request<{ permission: string; areUsed: boolean }>(caller, "GET", "");
  expect(body).toMatchObject({ permission: "forbidden", areUsed: false });
  // What is there can be taken away in any case.
  expect((await request(caller, "DELETE", "/openai")).status).toBe(204);
});

test("nobody tries more than thirty keys an hour, however many at once, and nothing is asked of the provider then", async () => {
  const person = await signUp();
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      request(person, "PUT", "/openai", { key: `sk-invalid-${at}-0123456789` }),
    ),
  );
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(30);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(10);
  const wait = Number(refused[0]?.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(3_500);
  expect(wait).toBeLessThanOrEqual(3_600);
  await sql`update private.key_checks set started_at = now() - interval '1 hour' where user_id = ${person.userId}`;
  expect((await save(person)).saved.status).toBe("valid");
});

test("nobody has more than fifty keys, and the fiftieth can still be changed", async () => {
  const person = await signUp();
  await save(person, "openai", { name: "0" });
  await sql`
    insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
    select gen_random_uuid(), user_id, 'google', n, 'v1.' || gen_random_uuid(), 'f' || n, 'valid', n = 1
    from private.byok_keys cross join generate_series(1, 49) n where user_id = ${person.userId}`;
  const { status, body } = await request(person, "PUT", "/openai", { key: makeProviderKey(), name: "more" });
  expect([status, body.error.code]).toEqual([409, "too_many_keys"]);
  expect((await save(person, "openai", { name: "0" })).saved.name).toBe("0");
});

test("a person who is deleted takes their keys along", async () => {
  const person = await signUp();
  await save(person);
  await sql`delete from auth.users where id = ${person.userId}`;
  expect(await readRows(person.userId)).toEqual([]);
  const { status, body } = await request(person, "PUT", "/openai", { key: makeProviderKey() });
  expect([status, body.error.code]).toEqual([401, "unauthorized"]);
});
