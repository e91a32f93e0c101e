import { expect, test } from "vitest";
import type { ImportReport } from "../../../shared/credentials/import-keys.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { createByokClient, setByok } from "../../support/own-keys.ts";
import { setPlan, signUp, signUpCaller } from "../../support/people.ts";
import { makeProviderKey } from "../../support/simulated-providers.ts";

const sql = connectDatabase();
const { request, save, list } = createByokClient();

const importAll = (caller: { token: string }, body: unknown) =>
  request<ImportReport>(caller, "POST", "/import", body);

test("what an app kept on a device is taken over: what is valid is saved, and each result is told in its place", async () => {
  const person = await signUp();
  await setPlan(sql, person.userId, "pro");
  const [good, down] = [makeProviderKey(), `sk-status-503-${makeProviderKey()}`];
  const { status, body } = await importAll(person, {
    keys: [
      { provider: "openai", key: good },
      { provider: "openai", key: "sk-invalid-0123456789", name: "old" },
      { provider: "anthropic", key: down },
      { provider: "openai", key: "sk-ant-api03-0123456789" },
      { provider: "nobody", key: "sk-0123456789" },
    ],
    model: "gpt-4o",
  });
  expect(status).toBe(200);
  expect(body).toEqual({
    keys: [
      {
        provider: "openai",
        result: "saved",
        key: expect.objectContaining({ name: "default", status: "valid", lastFour: good.slice(-4) }),
      },
      { provider: "openai", result: "refused", error: expect.objectContaining({ code: "key_refused" }) },
      { provider: "anthropic", result: "saved", key: expect.objectContaining({ status: "unverified" }) },
      { provider: "openai", result: "refused", error: expect.objectContaining({ param: "key" }) },
      { provider: "nobody", result: "refused", error: expect.objectContaining({ param: "provider" }) },
    ],
    model: { requested: "gpt-4o", result: "set", id: "openai/gpt-4o" },
  });
  expect(Object.keys(await list(person)).toSorted()).toEqual(["anthropic default", "openai default"]);
  expect(JSON.stringify(body)).not.toContain(good.slice(0, -4));
});

test("it can be repeated: what is there stays as it is, is not tried again, and no key is taken twice", async () => {
  const person = await signUp();
  await setPlan(sql, person.userId, "pro");
  const kept = {
    keys: [
      { provider: "openai", key: makeProviderKey() },
      { provider: "google", key: makeProviderKey() },
    ],
    model: "openai/gpt-4.1",
  };
  const first = await importAll(person, kept);
  const before = await list(person);
  const readChecks = () => sql`select checks from private.key_checks where user_id = ${person.userId}`;
  expect(await readChecks()).toEqual([{ checks: 2 }]);
  const again = await importAll(person, kept);
  expect(first.body.keys.map(({ result }) => result)).toEqual(["saved", "saved"]);
  expect(again.body.keys.map(({ result }) => result)).toEqual(["unchanged", "unchanged"]);
  expect(again.body.model).toEqual({
    requested: "openai/gpt-4.1",
    result: "unchanged",
    id: "openai/gpt-4.1",
  });
  expect(await list(person)).toEqual(before);
  expect(await readChecks()).toEqual([{ checks: 2 }]);
});

test("another device with other keys overwrites nothing: they get names of their own", async () => {
  const person = await signUp();
  const { saved } = await save(person);
  for (const _device of [1, 2])
    await importAll(person, { keys: [{ provider: "openai", key: makeProviderKey() }] });
  const keys = await list(person);
  expect(Object.keys(keys).toSorted()).toEqual(["openai default", "openai default 2", "openai default 3"]);
  expect(keys["openai default"]).toEqual(saved);
});

test("a key that the provider has refused since is tried once more, and valid again under its name", async () => {
  const person = await signUp();
  const { text } = await save(person, "openai", { name: "mine" });
  await sql`update private.byok_keys set status = 'invalid' where user_id = ${person.userId}`;
  const { body } = await importAll(person, { keys: [{ provider: "openai", key: text }] });
  expect(body.keys).toMatchObject([{ result: "saved", key: { name: "mine", status: "valid" } }]);
  expect(Object.keys(await list(person))).toEqual(["openai mine"]);
});

test("what stands in it twice is saved once, and names that are cut are cut between characters", async () => {
  const person = await signUp();
  const name = `${"a".repeat(35)}😀bcd`;
  const [one, other] = [makeProviderKey(), makeProviderKey()];
  const keys = [one, one, other].map((key) => ({ provider: "openai", key, name }));
  const { status, body } = await importAll(person, { keys });
  expect(status).toBe(200);
  expect(body.keys).toMatchObject([
    { result: "saved", key: { name } },
    { result: "unchanged", key: { name } },
    { result: "saved", key: { name: `${"a".repeat(35)}😀 2` } },
  ]);
});

test("where the plan forbids own keys, or no more can be tried, the model is taken over all the same", async () => {
  const caller = await signUpCaller(sql);
  await setByok(sql, caller, "forbidden");
  const kept = { keys: [{ provider: "openai", key: makeProviderKey() }], model: caller.modelId };
  const { status, body } = await importAll(caller, kept);
  expect(status).toBe(200);
  expect(body.keys).toMatchObject([{ result: "refused", error: { code: "byok_forbidden" } }]);
  expect(body.model).toMatchObject({ result: "set", id: caller.modelId });
  await setByok(sql, caller, "allowed");
  await sql`insert into private.key_checks (user_id, started_at, checks) values (${caller.userId}, now(), 30)`;
  const late = await importAll(caller, kept);
  expect(late.body.keys).toMatchObject([{ result: "refused", error: { code: "rate_limited" } }]);
});

test.each([
  ["nothing-of-the-kind", "model_not_found"],
  ["gpt-4o", "model_not_allowed"],
])("a model that cannot be chosen (%s) is told, and the keys are saved all the same", async (model, code) => {
  const caller = await signUpCaller(sql);
  const { body } = await importAll(caller, { keys: [{ provider: "openai", key: makeProviderKey() }], model });
  expect(body.keys).toMatchObject([{ result: "saved" }]);
  expect(body.model).toMatchObject({ requested: model, result: "refused", error: { code } });
});

test.each([
  [{ keys: Array.from({ length: 21 }, () => ({ provider: "openai", key: "sk-12345678" })) }, "keys"],
  [{ keys: [{ provider: "openai", key: "short" }] }, "keys.0.key"],
  [{ keys: [{ key: "sk-12345678" }] }, "keys.0.provider"],
  [{ keys: {} }, "keys"],
  [{ model: "" }, "model"],
])("%j is refused as a whole, by the name of the field", async (kept, param) => {
  const { status, body } = await request(await signUp(), "POST", "/import", kept);
  expect([status, body.error.code, body.error.param]).toEqual([400, "invalid_request", param]);
});
