import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Preferences, PreferencesPatch } from "../../../shared/catalogue/preferences.ts";
import { createAccountClient, type OrError } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUp, signUpCaller } from "../../support/people.ts";
import { watchBodies } from "../../support/sent-body.ts";
import { makeModel } from "../../support/test-models.ts";

const sql = connectDatabase();
const account = createAccountClient();
const readBody = watchBodies();
const patch = ({ token }: { token: string }, body: PreferencesPatch | Record<string, unknown>) =>
  account.send<OrError<Preferences>>("PATCH", "/preferences", { token, body });
const read = (caller: { token: string }) => account.get<Preferences>(caller, "/preferences");

test("whoever chose nothing has none, and the plan's default model", async () => {
  const caller = await signUpCaller(sql);
  const { status, body } = await read(caller);
  expect([status, body]).toEqual([
    200,
    {
      ...{ ui: {}, session: {}, model: { defaultModel: null, temperature: null, systemPrompt: null } },
      keys: { preferOwnKeys: false, allowPlatformKeys: false },
      ...{ modelInUse: caller.modelId, unavailableDefaultModel: null },
    },
  ]);
});

test("whose keys serve is chosen member by member", async () => {
  const caller = await signUpCaller(sql);
  const steps: [keys: object, chosen: object][] = [
    [{ preferOwnKeys: true }, { preferOwnKeys: true, allowPlatformKeys: false }],
    [{ allowPlatformKeys: true }, { preferOwnKeys: true, allowPlatformKeys: true }],
    [{ preferOwnKeys: false }, { preferOwnKeys: false, allowPlatformKeys: true }],
  ];
  for (const [keys, chosen] of steps) expect((await patch(caller, { keys })).body.keys).toEqual(chosen);
  expect((await patch(caller, { keys: { preferOwnKeys: null } })).status).toBe(400);
});

test("text that only looks as if it could not be stored is stored", async () => {
  const caller = await signUp();
  const ui = { re: "\\u0000 \\ud83d" };
  expect((await patch(caller, { ui })).body.ui).toEqual(ui);
});

test("changes are merged as deep as they go, null removes, and what is not named stays", async () => {
  const caller = await signUpCaller(sql);
  await patch(caller, { ui: { theme: { dark: true, accent: "red" }, list: [1, 2] }, session: { tab: 3 } });
  await patch(caller, { model: { temperature: 0.7, systemPrompt: "Be brief." } });
  const { body } = await patch(caller, {
    ui: { theme: { accent: null, size: { text: 12 } }, list: [3] },
    model: { temperature: null },
  });
  expect(body).toMatchObject({
    ui: { theme: { dark: true, size: { text: 12 } }, list: [3] },
    session: { tab: 3 },
    model: { defaultModel: null, temperature: null, systemPrompt: "Be brief." },
  });
  expect((await read(caller)).body).toEqual(body);
});

test("changes that come at once are all made", async () => {
  const caller = await signUpCaller(sql);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => patch(caller, { ui: { panels: { [`p${index}`]: index } } })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const { body } = await read(caller);
  expect(Object.keys(body.ui.panels as object)).toHaveLength(20);
});

test("a default model that cannot be used cannot be chosen", async () => {
  const caller = await signUpCaller(sql);
  const other = await makeModel(sql);
  const refused = async (defaultModel: string) => {
    const { status, body } = await patch(caller, { model: { defaultModel }, ui: { a: 1 } });
    return [status, body.error.code, body.error.param];
  };
  expect(await refused(other)).toEqual([403, "model_not_allowed", "model.defaultModel"]);
  expect(await refused("no/such")).toEqual([404, "model_not_found", "model.defaultModel"]);
  const [vectors, unserved] = [
    await makeModel(sql, { outputModalities: ["embeddings"] }),
    await makeModel(sql, { routes: [{ isEnabled: false }] }),
  ];
  await sql`insert into private.plan_models (plan_id, model_id) values (${caller.planId}, ${vectors}), (${caller.planId}, ${unserved})`;
  expect(await refused(vectors)).toEqual([400, "unsupported_parameter", "model.defaultModel"]);
  expect(await refused(unserved)).toEqual([503, "model_unavailable", "model.defaultModel"]);
  // All of it or nothing.
  expect((await read(caller)).body.ui).toEqual({});
});

test("a default model that the plan has no more gives way to the plan's, which is said, and comes back with it", async () => {
  const caller = await signUpCaller(sql);
  const own = await makeModel(sql);
  await sql`insert into private.plan_models (plan_id, model_id) values (${caller.planId}, ${own})`;
  await patch(caller, { model: { defaultModel: own } });
  const chat = createChatClient();
  expect((await chat.ask(caller, { message: "Hi" })).result).toMatchObject({ model: own, warnings: [] });

  await sql`update private.models set status = 'disabled' where id = ${own}`;
  expect((await read(caller)).body).toMatchObject({
    model: { defaultModel: own },
    ...{ modelInUse: caller.modelId, unavailableDefaultModel: own },
  });
  expect((await chat.ask(caller, { message: "Hi" })).result).toMatchObject({
    model: caller.modelId,
    warnings: [
      {
        param: "model",
        message: `model: your default model ${own} cannot be used at present; ${caller.modelId} answers in its place.`,
      },
    ],
  });
  // Who names a model is told nothing of it.
  expect((await chat.ask(caller, { message: "Hi", model: caller.modelId })).result.warnings).toEqual([]);
  await sql`update private.models set status = 'active' where id = ${own}`;
  expect((await chat.ask(caller, { message: "Hi" })).result).toMatchObject({ model: own, warnings: [] });
});

test("a plan's default that nobody can call at present is said to be away, not to be unknown", async () => {
  const caller = await signUpCaller(sql);
  await sql`update private.models set status = 'disabled' where id = ${caller.modelId}`;
  const { status, error } = await createChatClient().ask(caller, { message: "Hi" });
  expect([status, error.code]).toEqual([503, "model_unavailable"]);
  expect((await read(caller)).body.modelInUse).toBeNull();
});

test("temperature and system prompt count for chats that have none, and are held for", async () => {
  const caller = await signUpCaller(sql);
  await patch(caller, { model: { temperature: 0.25, systemPrompt: "Answer in rhymes. ".repeat(100) } });
  const message = randomUUID();
  const { result } = await createChatClient().ask(caller, { message });
  expect(await readBody(message)).toMatchObject({
    temperature: 0.25,
    messages: [
      { role: "system", content: expect.stringContaining("rhymes") },
      { role: "user", content: message },
    ],
  });
  const [hold] = await sql`select prompt_tokens from private.holds where id = ${result.id}`;
  expect(hold?.prompt_tokens).toBeGreaterThan(1800);
});

test("a long system prompt leaves less room for what was said before", async () => {
  const caller = await signUpCaller(sql, { contextTokens: 1000, maxOutputTokens: 100 });
  const chat = createChatClient();
  const first = randomUUID();
  const { result } = await chat.ask(caller, { message: `${first} ${"x".repeat(900)}` });
  const { conversationId } = result;
  const again = randomUUID();
  await chat.ask(caller, { message: again, conversationId });
  expect(JSON.stringify(await readBody(again))).toContain(first);
  await patch(caller, { model: { systemPrompt: "y".repeat(1500) } });
  const last = randomUUID();
  await chat.ask(caller, { message: last, conversationId });
  expect(JSON.stringify(await readBody(last))).not.toContain(first);
});

test.each([
  [{ theme: "dark" }, "theme"],
  [{ ui: "dark" }, "ui"],
  [{ ui: { a: ["\u0000"] } }, "ui"],
  [{ session: { a: "x".repeat(17_000) } }, "session"],
  [{ model: { temperature: 3 } }, "model.temperature"],
  [{ model: { systemPrompt: "" } }, "model.systemPrompt"],
  [{ model: { systemPrompt: "x".repeat(20_001) } }, "model.systemPrompt"],
  [{ model: { plan: "pro" } }, "model.plan"],
  [{ model: { defaultModel: "x".repeat(201) } }, "model.defaultModel"],
])("%j is refused, naming the field", async (body, param) => {
  const answer = await patch(await signUp(), body);
  expect([answer.status, answer.body.error.code, answer.body.error.param]).toEqual([
    400,
    "invalid_request",
    param,
  ]);
});

test("what was merged may not grow beyond its limit", async () => {
  const caller = await signUp();
  await patch(caller, { ui: { a: "x".repeat(9000) } });
  const { status, body } = await patch(caller, { ui: { b: "x".repeat(9000) } });
  expect([status, body.error.code, body.error.param]).toEqual([400, "invalid_request", "ui"]);
  expect((await read(caller)).body.ui).toEqual({ a: "x".repeat(9000) });
});
