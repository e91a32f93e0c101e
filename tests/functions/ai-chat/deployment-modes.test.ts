import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { setByok } from "../../support/own-keys.ts";
import { signUpCaller } from "../../support/people.ts";
import { makeKeyRing } from "../../support/secrets.ts";
import { storeOwnKey } from "../../support/store-own-key.ts";

const sql = connectDatabase();
const roots = makeKeyRing();
const short = { message: "Hello", options: { maxTokens: 5 } };

describe.each([
  ["self-hosted", { DEPLOYMENT_MODE: "self-hosted" }, "byok"],
  ["hosted without own keys", { BYOK: "forbidden" }, "environment"],
])("%s", (mode, settings, credential) => {
  let instance: ExtraFunction;
  let chats: ReturnType<typeof createChatClient>;
  beforeAll(async () => {
    instance = await startExtraFunction({ BYOK_KEYS: roots, ...settings });
    chats = createChatClient(instance.url);
  });
  afterAll(() => instance.stop());

  test.each(["forbidden", "allowed", "required"] as const)(
    "whatever plans say, such as %s, chats are served so",
    async (permission) => {
      const caller = await signUpCaller(sql);
      await setByok(sql, caller, permission);
      await storeOwnKey(sql, { roots, userId: caller.userId });
      const { status, result } = await chats.ask(caller, short);
      expect([status, result.credential]).toEqual([200, credential]);
      expect(result.costNano > 0).toBe(credential === "environment");
    },
  );

  test("who has no key is told so where keys are the callers' own, and served where they are not", async () => {
    const { status, error } = await chats.ask(await signUpCaller(sql), short);
    expect([mode, status, error?.code]).toEqual(
      credential === "byok" ? [mode, 403, "own_key_missing"] : [mode, 200, undefined],
    );
  });
});
