import { describe, expect, test } from "vitest";
import { createAccountClient } from "../../support/account-client.ts";
import { makeApiKey } from "../../support/api-keys.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { signUpCaller } from "../../support/people.ts";

const sql = connectDatabase();
const chats = createChatClient();
const account = createAccountClient();
const short = { message: "Hello", options: { maxTokens: 5 } };

describe("limits of a key", () => {
  test("are hard: of 64 requests at once a limit of 10 admits 10, and its owner's own requests are none of them", async () => {
    const caller = await signUpCaller(sql);
    const key = await makeApiKey(caller, { limits: [{ unit: "requests", window: "day", amount: 10 }] });
    const answers = await Promise.all([
      ...Array.from({ length: 64 }, () => chats.ask(key, short)),
      chats.ask(caller, short),
    ]);
    expect(answers.at(-1)?.status).toBe(200);
    const byKey = answers.slice(0, -1);
    expect(byKey.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = byKey.filter(({ status }) => status === 402);
    expect(refused).toHaveLength(54);
    expect(refused[0]?.error).toMatchObject({
      code: "quota_exceeded",
      message: expect.stringMatching(
        /^What is left of the API key's requests of this day does not cover this request\./,
      ),
      limit: {
        owner: "caller",
        scope: "api_key",
        scopeId: key.id,
        unit: "requests",
        window: "day",
        limit: 10,
      },
      upgrade: null,
    });
    const limits = await account.get<{ limits: object[] }>(caller, "/limits");
    expect(limits.body.limits).toContainEqual(
      expect.objectContaining({ scope: "api_key", scopeId: key.id, used: 10, left: 0, source: "api_key" }),
    );
  });

  test("of money shorten the answer to what is left, and are used up to the nano-USD", async () => {
    const caller = await signUpCaller(sql);
    const key = await makeApiKey(caller, {
      limits: [{ unit: "nano_usd", window: "month", amount: 100_000 }],
    });
    let spent = 0;
    for (let status = 200; status === 200; ) {
      const answer = await chats.ask(key, { message: "Tell me a long story" });
      status = answer.status;
      if (status === 200) spent += answer.result.costNano;
      else expect([status, answer.error.code]).toEqual([402, "quota_exceeded"]);
    }
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThanOrEqual(100_000);
    expect((await chats.ask(caller, short)).status).toBe(200);
  });

  test("of requests a minute keep their own pace", async () => {
    const caller = await signUpCaller(sql);
    const key = await makeApiKey(caller, { limits: [{ unit: "requests", window: "minute", amount: 3 }] });
    const answers = await Promise.all(Array.from({ length: 6 }, () => chats.ask(key, short)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(3);
    expect(refused[0]?.error.message).toMatch(/^Too fast: the API key allows 3 requests a minute\./);
  });

  test("that are changed count from the next request on, with what is used so far", async () => {
    const caller = await signUpCaller(sql);
    const key = await makeApiKey(caller, { limits: [{ unit: "requests", window: "day", amount: 1 }] });
    expect([(await chats.ask(key, short)).status, (await chats.ask(key, short)).status]).toEqual([200, 402]);
    await account.send("PATCH", `/api-keys/${key.id}`, {
      token: caller.token,
      body: { limits: [{ unit: "requests", window: "day", amount: 2 }] },
    });
    expect([(await chats.ask(key, short)).status, (await chats.ask(key, short)).status]).toEqual([200, 402]);
  });
});
