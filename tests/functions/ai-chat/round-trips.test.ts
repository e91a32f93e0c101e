import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { type KeyRing, parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { randomRoot } from "../../shared/keys/test-ring.ts";
import { makeApiKey } from "../../support/api-keys.ts";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { startDatabaseProxy } from "../../support/database-proxy.ts";
import { startExtraFunction } from "../../support/extra-function.ts";
import { setByok } from "../../support/own-keys.ts";
import { signUpCaller } from "../../support/people.ts";
import { makeProviderKey } from "../../support/simulated-providers.ts";

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
    await storeKey(caller.userId);
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

const roots = JSON.stringify({ active: "k1", keys: { k1: randomRoot() } });
const sealing = { BYOK_KEYS: roots };

/** Stores a key of somebody's own as the function with these root keys would. */
async function storeKey(userId: string): Promise<void> {
  const id = randomUUID();
  const sealed = await createEnvelopes(parseKeyRing(roots) as KeyRing).seal(makeProviderKey(), {
    ...{ owner: userId, provider: "openai", record: id },
  });
  await sql`
    insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
    values (${id}, ${userId}, 'openai', 'default', ${sealed}, '', 'valid', true)`;
}
