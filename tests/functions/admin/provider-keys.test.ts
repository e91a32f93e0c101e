import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProviderKey } from "../../../shared/credentials/key-pool.ts";
import { createAdminClient } from "../../support/admin-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { makeKeyRing, makeSecretBytes } from "../../support/secrets.ts";
import { makeProviderKey, simulateMoreProviders } from "../../support/simulated-providers.ts";

const sql = connectDatabase();
let instance: ExtraFunction;
let call: ReturnType<typeof createAdminClient>;
// A provider that no chat of another test goes to.
beforeAll(async () => {
  instance = await startExtraFunction(
    {
      ...simulateMoreProviders(1),
      BYOK_KEYS: makeKeyRing(),
      BYOK_FINGERPRINT_KEY: makeSecretBytes("fingerprint key"),
    },
    "admin",
  );
  call = createAdminClient(instance.url);
});
afterAll(() => instance.stop());

/** Adds a key to the pool of that provider. */
async function add(fields: Record<string, unknown> = {}) {
  const text = String(fields.key ?? makeProviderKey());
  const body = { provider: "extra-0", ...fields, key: text };
  const answer = await call<{ providerKey: ProviderKey }>("POST", "/provider-keys", { body });
  return { ...answer, text, added: answer.body.providerKey };
}

const find = async (id: string) => {
  const { body } = await call<{ providerKeys: ProviderKey[] }>("GET", "/provider-keys");
  return body.providerKeys.find((key) => key.id === id);
};

const readAudit = async (id: string) => {
  const { body } = await call<{ entries: { action: string; change: object; before: object | null }[] }>(
    "GET",
    `/audit?target=${id}`,
  );
  return body.entries;
};

test("a key that an administrator adds is stored sealed, never told, and taken down in the audit log", async () => {
  const { status, added, text } = await add({ name: "first", weight: 3 });
  expect(status).toBe(201);
  expect(added).toEqual({
    ...{ id: expect.any(String), provider: "extra-0", name: "first", lastFour: text.slice(-4), weight: 3 },
    ...{ fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/), isEnabled: true, useCount: 0, cooldowns: [] },
    ...{ createdAt: expect.any(String), lastUsedAt: null },
  });
  expect(await find(added.id)).toEqual(added);
  const [entry, ...others] = await readAudit(added.id);
  expect(others).toEqual([]);
  expect(entry).toMatchObject({
    action: "provider_key.add",
    before: null,
    change: { name: "first", weight: 3 },
  });
  const [row] = await sql`select k::text as text from private.provider_keys k where id = ${added.id}`;
  for (const place of [entry, row, added]) expect(JSON.stringify(place)).not.toContain(text.slice(0, -4));
  expect(JSON.stringify([entry, added])).not.toContain("v1.k1.");
});

test("a key that the provider refuses is not stored", async () => {
  const { status, body } = await add({ provider: "openai", key: "sk-invalid-0123456789" });
  expect([status, body.error.code, body.error.param]).toEqual([422, "key_refused", "key"]);
});

test("the same key is stored once", async () => {
  const { text } = await add();
  const { status, body } = await add({ key: text });
  expect([status, body.error.code]).toEqual([409, "key_exists"]);
});

test("of a key added many times at once one is stored, and the others are told so", async () => {
  const key = makeProviderKey();
  const answers = await Promise.all(Array.from({ length: 8 }, () => add({ key })));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(7).fill(409)]);
});

test("name, weight and whether it is used can be changed", async () => {
  const { added } = await add({ name: "old" });
  for (const change of [{ name: "new" }, { weight: 7 }, { isEnabled: false }]) {
    const { status, body } = await call<{ providerKey: ProviderKey }>("PATCH", `/provider-keys/${added.id}`, {
      body: change,
    });
    expect([status, body.providerKey]).toEqual([200, expect.objectContaining(change)]);
  }
  expect(await find(added.id)).toMatchObject({ name: "new", weight: 7, isEnabled: false });
  const [last] = await readAudit(added.id);
  expect(last).toMatchObject({
    action: "provider_key.change",
    change: { isEnabled: false },
    before: { isEnabled: true, weight: 7 },
  });
});

test("a key that is switched on is used again at once, whatever the provider has said of it", async () => {
  const { added } = await add();
  await sql`
    insert into private.key_cooldowns (key_id, provider, reason, until) values
      (${`key:${added.id}`}, 'extra-0', 'credential', 'infinity'),
      (${`key:${added.id}/large`}, 'extra-0', 'rate_limited', now() + interval '1 hour')`;
  expect((await find(added.id))?.cooldowns).toEqual([
    { reason: "credential", until: null, upstreamModel: null },
    { reason: "rate_limited", until: expect.any(String), upstreamModel: "large" },
  ]);
  await call("PATCH", `/provider-keys/${added.id}`, { body: { weight: 2 } });
  expect((await find(added.id))?.cooldowns).toHaveLength(2);
  await call("PATCH", `/provider-keys/${added.id}`, { body: { isEnabled: true } });
  expect((await find(added.id))?.cooldowns).toEqual([]);
});

describe("a key that is rotated", () => {
  test("gives its name and weight to the new one, and is switched off in the same moment", async () => {
    const { added: old } = await add({ name: "main", weight: 5 });
    const key = makeProviderKey();
    const { status, body } = await call<{ providerKey: ProviderKey }>(
      "POST",
      `/provider-keys/${old.id}/rotate`,
      {
        body: { key },
      },
    );
    expect([status, body.providerKey]).toEqual([
      201,
      expect.objectContaining({
        name: "main",
        weight: 5,
        provider: "extra-0",
        lastFour: key.slice(-4),
        isEnabled: true,
      }),
    ]);
    expect(body.providerKey.id).not.toBe(old.id);
    expect(await find(old.id)).toMatchObject({ isEnabled: false });
    expect(await readAudit(body.providerKey.id)).toMatchObject([
      { action: "provider_key.rotate", before: { id: old.id } },
    ]);
  });

  test("is rotated once: the second of two at once is told that it is not there", async () => {
    const { added } = await add({ name: "twice" });
    const answers = await Promise.all(
      [1, 2].map(() =>
        call("POST", `/provider-keys/${added.id}/rotate`, { body: { key: makeProviderKey() } }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 404]);
  });

  test("stays as it is where the new one is refused", async () => {
    const { added } = await add({ provider: "openai", key: `sk-status-503-${randomUUID()}` });
    const { status } = await call("POST", `/provider-keys/${added.id}/rotate`, {
      body: { key: "sk-invalid-0123456789" },
    });
    expect([status, (await find(added.id))?.isEnabled]).toEqual([422, true]);
    await call("DELETE", `/provider-keys/${added.id}`);
  });
});

test("a key that is deleted is gone, and the audit log says what it was", async () => {
  const { added } = await add({ name: "gone" });
  expect((await call("DELETE", `/provider-keys/${added.id}`)).status).toBe(204);
  expect(await find(added.id)).toBeUndefined();
  expect((await readAudit(added.id))[0]).toMatchObject({
    action: "provider_key.delete",
    before: { name: "gone" },
  });
});

test.each(["PATCH", "DELETE"])("%s of a key that there is not is answered with 404", async (method) => {
  for (const id of [randomUUID(), "abc"]) {
    const body = method === "PATCH" ? { body: { weight: 2 } } : {};
    const answer = await call(method, `/provider-keys/${id}`, body);
    expect([answer.status, answer.body.error.code]).toEqual([404, "provider_key_not_found"]);
  }
});

test.each([
  [{ provider: "extra-0" }, "key"],
  [{ provider: "extra-0", key: "short" }, "key"],
  [{ key: "sk-12345678" }, "provider"],
  [{ provider: "nobody", key: "sk-12345678" }, "provider"],
  [{ provider: "openai", key: "sk-or-v1-12345678" }, "key"],
  [{ provider: "extra-0", key: "sk-12345678", weight: 0 }, "weight"],
  [{ provider: "extra-0", key: "sk-12345678", name: "n".repeat(101) }, "name"],
  [{ provider: "extra-0", key: "sk-12345678", baseUrl: "https://llm.example.com" }, "baseUrl"],
])("%j is refused by the name of the field", async (body, param) => {
  const answer = await call("POST", "/provider-keys", { body });
  expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([
    400,
    "invalid_request",
    param,
  ]);
});
