import { expect, test } from "vitest";
import { makeApiKey } from "../../support/api-keys.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startDatabaseProxy } from "../../support/database-proxy.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { setByok } from "../../support/own-keys.ts";
import { signUpCaller } from "../../support/people.ts";
import { makeKeyRing } from "../../support/secrets.ts";
import { storeOwnKey } from "../../support/store-own-key.ts";

const sql = connectDatabase();
const short = { message: "Hello", options: { maxTokens: 5 } };

test("a chat asks the database once before the provider and once after it, with an API key and with keys of one's own, too", async () => {
  const calls: string[] = [];
  const database = await startDatabaseProxy(({ name }, forward) => {
    calls.push(name);
    return forward();
  });
  const instance = await startExtraFunction({ SUPABASE_URL: database.url, ...sealing });
  try {
    const direct = createChatClient(instance.url);
    const caller = await signUpCaller(sql);
    const key = await makeApiKey(caller);
    await setByok(sql, caller, "required");
    await storeOwnKey(sql, { roots, userId: caller.userId });
    for (const shown of [caller, key]) {
      const { status, result } = await direct.ask(shown, short);
      expect([status, result.credential, calls.splice(0)]).toEqual([
        200,
        "byok",
        ["begin_chats", "settle_chats"],
      ]);
    }
  } finally {
    await instance.stop();
    await database.stop();
  }
});

const roots = makeKeyRing();
const sealing = { BYOK_KEYS: roots };
