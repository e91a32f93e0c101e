import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { createApiKey } from "../../shared/keys/api-key.ts";
import type { Envelopes } from "../../shared/keys/envelope.ts";
import type { Person } from "../people.ts";

/** Has a plan's callers served with keys of their own, each of which is sealed as the functions do. */
export async function bringOwnKeys(
  sql: Sql,
  envelopes: Envelopes,
  { planId, people }: { planId: string; people: Person[] },
): Promise<void> {
  await sql`update private.plans set byok = 'required' where id = ${planId}`;
  for (const { userId } of people) {
    const id = randomUUID();
    const sealed = await envelopes.seal(`sk-bench-${id}`, { owner: userId, provider: "openai", record: id });
    await sql`
      insert into private.byok_keys (id, user_id, provider, name, sealed_key, fingerprint, status, is_preferred)
      values (${id}, ${userId}, 'openai', 'default', ${sealed}, '', 'valid', true)`;
  }
}

/** Makes an API key for each of these people, who show it in the place of their token. */
export async function makeApiKeys(sql: Sql, people: Person[]): Promise<Person[]> {
  const made: Person[] = [];
  for (const { userId } of people) {
    const { key, digest, lastFour } = await createApiKey();
    await sql`
      insert into private.api_keys (id, user_id, name, digest, last_four, scopes)
      values (${randomUUID()}, ${userId}, 'bench', decode(${digest}, 'hex'), ${lastFour}, '{chat,models,usage}')`;
    made.push({ userId, token: key.reveal() });
  }
  return made;
}
