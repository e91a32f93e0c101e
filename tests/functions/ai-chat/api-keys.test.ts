import { randomUUID } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import type { ApiScope } from "../../../shared/domain/caller.ts";
import { createApiKey } from "../../../shared/keys/api-key.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { makeApiKey } from "../../support/api-keys.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { createModelsClient } from "../../support/models-client.ts";
import { connectOpenAI } from "../../support/openai-client.ts";
import { signUp, signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const chats = createChatClient();
const account = createAccountClient();
const models = createModelsClient();
const functionsUrl = `${inject("stack").apiUrl}/functions/v1`;
const short = { message: "Hello", options: { maxTokens: 5 } };

test("an API key chats for its owner: on their plan, within their limits, in their conversations, and the ledger names it", async () => {
  const caller = await signUpCaller(sql);
  const key = await makeApiKey(caller, { scopes: ["chat"] });
  const { status, result } = await chats.ask(key, short);
  expect([status, result.model]).toEqual([200, caller.modelId]);
  const mine = await chats.request<{ messages: unknown[] }>(
    caller,
    "GET",
    `/conversations/${result.conversationId}`,
  );
  expect(mine.body.messages).toHaveLength(2);
  const again = await chats.ask(key, { ...short, conversationId: result.conversationId });
  expect(again.status).toBe(200);
  const events = await chats.stream(key, short);
  expect(events.at(-1)).toMatchObject({ type: "done" });
  const rows = await sql`
    select distinct user_id, api_key_id from private.ledger where hold_id = any (${[result.id, again.result.id]})`;
  expect(rows).toEqual([{ user_id: caller.userId, api_key_id: key.id }]);
  const usage = await account.get<{ groups: object[] }>(caller, "/usage?groupBy=api_key");
  expect(usage.body.groups).toMatchObject([{ key: key.id, requests: 3 }]);
});

test("the official client works with an API key as its key", async () => {
  const caller = await signUpCaller(sql);
  const openai = connectOpenAI(await makeApiKey(caller));
  const { data } = await openai.models.list();
  expect(data.map(({ id }) => id)).toEqual([caller.modelId]);
  const { choices } = await openai.chat.completions.create({
    ...{ model: caller.modelId, messages: [{ role: "user", content: "Hello" }], max_tokens: 5 },
  });
  expect(choices[0]?.message.content).toBeTruthy();
});

describe("scopes", () => {
  const routes: [
    scope: ApiScope,
    what: string,
    call: (key: { token: string }) => Promise<{ status: number }>,
  ][] = [
    ["chat", "a chat", (key) => chats.ask(key, short)],
    [
      "chat",
      "a completion",
      (key) =>
        chats.request(key, "POST", "/v1/chat/completions", {
          messages: [{ role: "user", content: "Hi" }],
          max_tokens: 5,
        }),
    ],
    ["chat", "the conversations", (key) => chats.request(key, "GET", "/conversations")],
    ["models", "the models", (key) => models.list(key)],
    ["models", "the models as OpenAI lists them", (key) => chats.request(key, "GET", "/v1/models")],
    ["usage", "the usage", (key) => account.get(key, "/usage")],
    ["usage", "the limits", (key) => account.get(key, "/limits")],
    ["usage", "the balance", (key) => account.get(key, "/balance")],
  ];

  test.each(routes)("%s is what it takes for %s, and nothing else does", async (scope, _what, call) => {
    const caller = await signUpCaller(sql);
    const others = (["chat", "models", "usage"] as const).filter((other) => other !== scope);
    const [right, wrong] = [
      await makeApiKey(caller, { scopes: [scope] }),
      await makeApiKey(caller, { scopes: others }),
    ];
    expect((await call(right)).status).toBe(200);
    const refused = (await call(wrong)) as { status: number; body?: object; error?: object };
    expect([refused.status, refused.error ?? refused.body]).toEqual([
      403,
      refused.error
        ? expect.objectContaining({ code: "scope_missing", scope })
        : { error: expect.objectContaining({ code: "scope_missing", scope }) },
    ]);
  });
});

test("a key that is revoked lets nobody in from the very next request on", async () => {
  const caller = await signUpCaller(sql);
  const key = await makeApiKey(caller);
  expect((await chats.ask(key, short)).status).toBe(200);
  await account.send("DELETE", `/api-keys/${key.id}`, { token: caller.token });
  for (const answer of [
    await chats.ask(key, short),
    await models.list(key),
    await account.get(key, "/usage"),
  ])
    expect(answer.status).toBe(401);
});

test("a key that has expired lets nobody in, and neither do limits of it count", async () => {
  const caller = await signUpCaller(sql);
  const key = await makeApiKey(caller, { limits: [{ unit: "tokens", window: "day", amount: 10 }] });
  const count = async () =>
    (await account.get<{ limits: { scope: string }[] }>(caller, "/limits")).body.limits.filter(
      ({ scope }) => scope === "api_key",
    );
  expect(await count()).toHaveLength(1);
  await sql`update private.api_keys set expires_at = now() where id = ${key.id}`;
  expect((await chats.ask(key, short)).status).toBe(401);
  expect((await models.list(key)).status).toBe(401);
  expect(await count()).toEqual([]);
});

test("what is wrong with a key is not told: unknown, mistyped, revoked, expired and a deleted person's answer alike", async () => {
  const [caller, gone] = await Promise.all([signUpCaller(sql), signUpCaller(sql)]);
  const [revoked, expired, mistyped, orphan] = await Promise.all([
    makeApiKey(caller),
    makeApiKey(caller),
    makeApiKey(caller),
    makeApiKey(gone),
  ]);
  await account.send("DELETE", `/api-keys/${revoked.id}`, { token: caller.token });
  await sql`update private.api_keys set expires_at = now() where id = ${expired.id}`;
  await sql`delete from auth.users where id = ${gone.userId}`;
  const swapped = mistyped.token.replace(/.$/, (last) => (last === "a" ? "b" : "a"));
  const keys = [revoked.token, expired.token, swapped, orphan.token, "slc_live_x", `slc_${randomUUID()}`];
  const answers = await Promise.all(
    keys.flatMap((token) => [
      chats.send("", { token, method: "POST", body: JSON.stringify(short) }),
      chats.send("/v1/models", { token }),
      fetch(`${functionsUrl}/account/usage`, { headers: { authorization: `Bearer ${token}` } }),
    ]),
  );
  const told = await Promise.all(answers.map(async (answer) => `${answer.status} ${await answer.text()}`));
  expect(new Set(told).size).toBe(1);
  expect(told[0]).toMatch(/^401 /);
});

test("what is wrong with a request is told to those alone who may ask: an unknown key is refused before, as a mistyped one is", async () => {
  const { key } = await createApiKey();
  for (const [path, body] of [
    ["", "{"],
    ["", '{"message":1}'],
    ["/v1/chat/completions", "{}"],
    ["/v1/embeddings", "{}"],
  ] as const) {
    const answers = await Promise.all(
      [key.reveal(), "slc_live_x"].map((token) => chats.send(path, { token, method: "POST", body })),
    );
    const told = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
    expect([path, told[0]?.[0], told[0]]).toEqual([path, 401, told[1]]);
  }
  const caller = await signUpCaller(sql);
  const own = await chats.send("", { token: (await makeApiKey(caller)).token, method: "POST", body: "{" });
  expect(own.status).toBe(400);
});

test("an API key never acts as an administrator, even that of one", async () => {
  const person = await signUp();
  await sql`update auth.users set raw_app_meta_data = raw_app_meta_data || '{"role":"admin"}' where id = ${person.userId}`;
  const key = await makeApiKey(person);
  const response = await fetch(`${functionsUrl}/admin/models`, {
    headers: { authorization: `Bearer ${key.token}` },
  });
  expect([response.status, await response.json()]).toMatchObject([
    403,
    { error: { code: "api_key_not_accepted" } },
  ]);
});

test("when a key was last used is told to the hour, and written down once in it", async () => {
  const caller = await signUpCaller(sql);
  const key = await makeApiKey(caller);
  await Promise.all(Array.from({ length: 5 }, () => chats.ask(key, short)));
  const read = async () => {
    const [row] = await sql`
      select last_used_at = date_trunc('hour', last_used_at) as is_hour, xmin::text from private.api_keys where id = ${key.id}`;
    return row;
  };
  const used = await read();
  expect(used).toEqual({ is_hour: true, xmin: expect.any(String) });
  await chats.ask(key, short);
  expect(await read()).toEqual(used);
});

test("with an idempotency key a chat of an API key is made and paid for once", async () => {
  const caller = await signUpCaller(sql);
  const key = await makeApiKey(caller);
  const headers = { "idempotency-key": randomUUID() };
  const [first, second] = [
    await chats.ask(key, short, { headers }),
    await chats.ask(key, short, { headers }),
  ];
  expect([first.status, second.status, second.result.id]).toEqual([200, 200, first.result.id]);
  // The same person's, with their token.
  expect((await chats.ask(caller, short, { headers })).result.id).toBe(first.result.id);
  expect(await sql`select count(*)::integer from private.ledger where user_id = ${caller.userId}`).toEqual([
    { count: 1 },
  ]);
});
