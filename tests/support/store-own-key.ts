import { randomUUID } from "node:crypto";
import { createEnvelopes } from "../../shared/keys/envelope.ts";
import { parseKeyRing } from "../../shared/keys/key-ring.ts";
import type { Database } from "./open-database.ts";
import { makeProviderKey } from "./simulated-providers.ts";

interface Options {
  /** The root keys that it is sealed under: `BYOK_KEYS` of the function that is to open it. */
  roots: string;
  userId: string;
  provider?: string;
  baseUrl?: string | null;
}

/** Stores a key of somebody's own as a function with these root keys does, and returns its id and its last four characters. */
export async function storeOwnKey(
  sql: Database,
  { roots, userId, provider = "openai", baseUrl = null }: Options,
): Promise<{ id: string; lastFour: string }> {
  const ring = parseKeyRing(roots);
  if (ring === null) throw new Error("there are no root keys");
  const [id, key] = [randomUUID(), makeProviderKey()];
  const sealed = await createEnvelopes(ring).seal(key, { owner: userId, provider, record: id, baseUrl });
  await sql`
    insert into private.byok_keys (id, user_id, provider, name, base_url, sealed_key, fingerprint, status, is_preferred)
    values (${id}, ${userId}, ${provider}, ${id}, ${baseUrl}, ${sealed}, '', 'valid', false)`;
  return { id, lastFour: key.slice(-4) };
}
