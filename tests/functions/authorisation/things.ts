import { randomUUID } from "node:crypto";
import { createAccountClient } from "../../support/account-client.ts";
import { makeModel } from "../../support/test-models.ts";
import type { World } from "./world.ts";

/** A call of a route. */
export interface Call {
  /** In the place of the path's parameter. */
  id?: string;
  query?: string;
  body?: unknown;
}

// What follows makes something of the owner's, or of the project's, for one call alone, and says how it is named.

export async function makeConversation({ sql, owner }: World): Promise<string> {
  const id = randomUUID();
  await sql`insert into public.conversations (id, user_id, title) values (${id}, ${owner.userId}, 'Matrix')`;
  return id;
}

export async function makeApiKey({ owner: { token } }: World): Promise<string> {
  const body = { name: "Matrix", scopes: ["chat"] };
  const made = await createAccountClient().send<{ id: string }>("POST", "/api-keys", { token, body });
  if (made.status !== 201) throw new Error(`an API key: ${made.status}`);
  return made.body.id;
}

export async function makeHold({ owner: { userId } }: World): Promise<string> {
  return (await createAccountClient().placeHold({ userId, tokens: 10 })).body.id;
}

/** No key that could be opened: to save a good one for every call takes more tries than somebody has within an hour. */
export async function makeByokKey({ sql, owner }: World): Promise<string> {
  const [id, name] = [randomUUID(), randomUUID()];
  await sql`
    insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
    values (${id}, ${owner.userId}, 'openai', ${name}, ${`v1.${id}`}, ${id}, 'valid', false)`;
  return name;
}

export async function makeOddModel({ sql, modelIds }: World): Promise<string> {
  const id = await makeModel(sql);
  modelIds.push(id);
  return id;
}

export async function makeSync({ sql }: World): Promise<string> {
  const id = randomUUID();
  await sql`
    insert into private.model_sync_log (run_id, source, status, started_at, finished_at)
    values (${id}, 'matrix', 'succeeded', now() - interval '1 day', now() - interval '1 day')`;
  return id;
}

export async function makeHeldPrice(world: World): Promise<{ routeId: string; runId: string }> {
  const { sql } = world;
  const [modelId, runId] = [await makeOddModel(world), randomUUID()];
  const [row] = await sql<[{ route_id: number }]>`
    insert into private.held_prices (route_id, price, run_id)
    select r.id, (0.00001, 0.00001, 0.00001, 0.00001, null, 0, '{}')::private.price, ${runId}
    from private.model_routes r where r.model_id = ${modelId}
    returning route_id`;
  return { routeId: String(row.route_id), runId };
}

export async function makeRule({ sql, planId }: World): Promise<string> {
  const [row] = await sql<[{ id: number }]>`
    insert into private.activation_rules (plan_id, pattern) values (${planId}, ${`matrix/${randomUUID()}`}) returning id`;
  return String(row.id);
}

/** A key of the pool that is switched off, so that no chat of another test is served with it. */
export async function makePoolKey({ sql, marker }: World): Promise<string> {
  const id = randomUUID();
  await sql`
    insert into private.provider_keys (id, provider, name, sealed_key, is_enabled)
    values (${id}, 'openai', ${marker}, ${`v1.${id}`}, false)`;
  return id;
}
