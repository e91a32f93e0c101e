import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import type { ByokKey } from "../../shared/credentials/byok-keys.ts";
import { createAccountClient } from "./account-client.ts";
import { createChatClient } from "./chat-client.ts";
import type { Database } from "./open-database.ts";
import { type Caller, signUpCaller } from "./people.ts";
import { watchProvider } from "./provider-calls.ts";
import { makeProviderKey } from "./simulated-providers.ts";

/** Calls `byok-keys` as a settings page does, through the gateway unless another address is given. */
export function createByokClient(url = `${inject("stack").apiUrl}/functions/v1/byok-keys`) {
  const { request } = createChatClient(url);

  return {
    request,

    /** Saves a key that the provider accepts, and returns it. Throws where that fails. */
    async save(
      caller: { token: string },
      provider = "openai",
      fields: Record<string, unknown> = {},
    ): Promise<{ text: string; lastFour: string; saved: ByokKey }> {
      const text = String(fields.key ?? makeProviderKey());
      const { status, body } = await request<{ key: ByokKey }>(caller, "PUT", `/${provider}`, {
        ...fields,
        key: text,
      });
      if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
      return { text, lastFour: text.slice(-4), saved: body.key };
    },

    /** The keys that a caller has, by name. */
    async list(caller: { token: string }): Promise<Record<string, ByokKey>> {
      const { body } = await request<{ keys: ByokKey[] }>(caller, "GET", "");
      return Object.fromEntries(body.keys.map((key) => [`${key.provider} ${key.name}`, key]));
    },
  };
}

/** Says what a caller's plan makes of keys of their own. */
export async function setByok(
  sql: Database,
  { planId }: Pick<Caller, "planId">,
  permission: "forbidden" | "allowed" | "required",
): Promise<void> {
  await sql`update private.plans set byok = ${permission} where id = ${planId}`;
}

/** Chats of people with keys of their own. */
export function createOwnKeyChats(sql: Database) {
  const chats = createChatClient();
  const account = createAccountClient();
  const provider = watchProvider();
  return {
    chats,
    provider,

    /** Asks once. Tells which keys were called with (their last four characters), and what came of it. */
    async trace(caller: Caller, fields: Record<string, unknown> = {}) {
      const message = randomUUID();
      const answer = await chats.ask(caller, { message, options: { maxTokens: 5 }, ...fields });
      const calls = await provider.findCalls(message);
      return { ...answer, keys: calls.map(({ key }) => key) };
    },

    readLedger: ({ userId }: Caller) => sql`
      select provider, is_byok, cost_nano, credential_id from private.ledger where user_id = ${userId} order by held_at, attempt`,

    prefer: ({ token }: Caller, keys: { preferOwnKeys?: boolean; allowPlatformKeys?: boolean }) =>
      account.send("PATCH", "/preferences", { token, body: { keys } }),

    /** Somebody whose plan takes own keys alone. */
    async signUpByok(options: Parameters<typeof signUpCaller>[1] = {}): Promise<Caller> {
      const caller = await signUpCaller(sql, options);
      await setByok(sql, caller, "required");
      return caller;
    },
  };
}
