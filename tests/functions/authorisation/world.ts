import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { inject } from "vitest";
import { loadKeys } from "../../../local/keys.ts";
import { projectRoot } from "../../../local/project.ts";
import { createApiKey } from "../../../shared/keys/api-key.ts";
import { createAccountClient } from "../../support/account-client.ts";
import { createChatClient } from "../../support/chat-client.ts";
import type { Database } from "../../support/open-database.ts";
import { type Person, setPlan, signUp } from "../../support/people.ts";
import { makeModel, makePlan } from "../../support/test-models.ts";

/** Three people on one plan, and what they have. */
export interface World {
  sql: Database;
  owner: Person;
  planId: string;
  /** The plan's default. */
  modelId: string;
  /** A model of the plan that makes embeddings. */
  embedderId: string;
  /** A chat of the owner's that is over. */
  requestId: string;
  /** A key of the owner's for OpenAI, which the simulator accepts. */
  byokName: string;
  /** In names of what belongs to nobody. */
  marker: string;
  /** Models that were made to be changed. */
  modelIds: string[];
  /** By the names of the matrix: the headers that each of them shows. */
  callers: Map<string, Record<string, string>>;
}

/** Those of the matrix who are the owner, or show a key of theirs. */
export const isOwner = (caller: string) => caller.startsWith("the owner");

export async function createWorld(sql: Database): Promise<World> {
  const { apiUrl, publishableKey, secretKey } = inject("stack");
  const [modelId, embedderId] = await Promise.all([
    makeModel(sql),
    makeModel(sql, {
      ...{ contextTokens: 8192, maxOutputTokens: 1, outputModalities: ["embeddings"] },
      ...{ supportedParameters: [], inputUsd: "0.00000002", outputUsd: "0" },
      routes: [{ provider: "openai", upstream: "text-embedding-3-small" }],
    }),
  ]);
  const planId = await makePlan(sql, {
    models: [modelId, embedderId],
    limits: [
      { unit: "tokens", window: "day", amount: 10_000_000 },
      { unit: "nano_usd", window: "month", amount: 10_000_000_000 },
    ],
  });
  const [owner, other, administrator] = await Promise.all([signUp(), signUp(), signUp()]);
  for (const { userId } of [owner, other, administrator]) await setPlan(sql, userId, planId);
  await sql`
    update auth.users set raw_app_meta_data = raw_app_meta_data || '{"role":"admin"}' where id = ${administrator.userId}`;
  const signedIn = await fetch(`${apiUrl}/auth/v1/token?grant_type=password`, {
    method: "POST",
    headers: { apikey: publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email: administrator.email, password: administrator.password }),
  });
  const { access_token: administratorToken } = (await signedIn.json()) as { access_token: string };

  const account = createAccountClient();
  async function makeKey({ token }: Person, scopes: string[]) {
    const body = { name: "Matrix", scopes };
    const made = await account.send<{ id: string; key: string }>("POST", "/api-keys", { token, body });
    return made.body;
  }
  const everything = ["chat", "models", "usage"];
  const revoked = await makeKey(owner, everything);
  await account.send("DELETE", `/api-keys/${revoked.id}`, { token: owner.token });
  const expired = await makeKey(owner, everything);
  await sql`update private.api_keys set expires_at = now() where id = ${expired.id}`;
  const { jobSecret } = await loadKeys(join(projectRoot, ".local", "test"));

  const bearers: Record<string, string> = {
    "the owner": owner.token,
    "another person": other.token,
    "an administrator": administratorToken,
    "a visitor with the publishable key": publishableKey,
    "the owner's key for chats": (await makeKey(owner, ["chat"])).key,
    "the owner's key for models": (await makeKey(owner, ["models"])).key,
    "the owner's key for usage": (await makeKey(owner, ["usage"])).key,
    "another's key for everything": (await makeKey(other, everything)).key,
    "an administrator's key": (await makeKey(administrator, everything)).key,
    "a key that was revoked": revoked.key,
    "a key that has expired": expired.key,
    "a key that there is not": (await createApiKey()).key.reveal(),
    "a secret key in a token's place": secretKey,
    "a job": jobSecret,
  };
  const callers = new Map(
    Object.entries(bearers).map(([name, shown]) => [name, { authorization: `Bearer ${shown}` }] as const),
  );
  const byokName = randomUUID();
  const saved = await fetch(`${apiUrl}/functions/v1/byok-keys/openai`, {
    method: "PUT",
    headers: { authorization: `Bearer ${owner.token}`, "content-type": "application/json" },
    body: JSON.stringify({ key: `sk-${byokName}`, name: byokName }),
  });
  if (!saved.ok) throw new Error(`an own key: ${saved.status} ${await saved.text()}`);
  const chat = await createChatClient().ask(owner, { message: "Hello" });
  return {
    ...{ sql, owner, planId, modelId, embedderId, requestId: chat.result.id, byokName },
    ...{ marker: `matrix-${randomUUID()}`, modelIds: [] },
    callers: new Map<string, Record<string, string>>([
      ...callers,
      ["nobody", {}],
      ["a service", { apikey: secretKey }],
    ]),
  };
}

/** All that a caller who is let in nowhere must leave as it is: what the owner has, and what administrators decide. */
export async function readState({ sql, owner: { userId }, planId, marker, modelIds }: World) {
  const [row] = await sql<[{ owner: unknown; catalogue: unknown }]>`
    select
      jsonb_build_array(
        (select to_jsonb(a) from private.accounts a where a.user_id = ${userId}),
        (select to_jsonb(p) from private.preferences p where p.user_id = ${userId}),
        (select jsonb_agg(c order by c.id) from public.conversations c where c.user_id = ${userId}),
        (select jsonb_agg(k order by k.id) from private.byok_keys k where k.user_id = ${userId}),
        (select jsonb_agg(to_jsonb(k) - 'last_used_at' order by k.id) from private.api_keys k where k.user_id = ${userId}),
        (select jsonb_agg(jsonb_build_array(h.id, h.state) order by h.id) from private.holds h where h.user_id = ${userId})
      ) as owner,
      jsonb_build_array(
        (select jsonb_agg(m order by m.id) from private.models m where m.id = any (${modelIds})),
        (select jsonb_agg(h order by h.route_id) from private.held_prices h join private.model_routes r on r.id = h.route_id
          where r.model_id = any (${modelIds})),
        (select jsonb_agg(r order by r.id) from private.activation_rules r where r.plan_id = ${planId}),
        (select jsonb_agg(k order by k.id) from private.provider_keys k where k.name = ${marker})
      ) as catalogue`;
  return row;
}

/** Chats that are not charged yet, which may be after they were answered. */
export async function countPending({ sql, planId }: World): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::integer as count from private.holds
    where plan_id = ${planId} and service is null and state = 'pending'`;
  return row.count;
}

/** Leaves nothing behind that others could meet. */
export async function clearWorld({ sql, planId, marker, modelIds }: World): Promise<void> {
  await sql`delete from private.activation_rules where plan_id = ${planId}`;
  await sql`delete from private.provider_keys where name = ${marker}`;
  await sql`delete from private.held_prices h using private.model_routes r where r.id = h.route_id and r.model_id = any (${modelIds})`;
  await sql`delete from private.model_sync_log where source = 'matrix'`;
}
