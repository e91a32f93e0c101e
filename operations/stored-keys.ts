import type { Fragment, Sql } from "postgres";

export interface KeyTable {
  name: string;
  /** What its rows are called. */
  words: string;
  /** A row as `StoredKey`. */
  columns(sql: Sql): Fragment;
}

export interface StoredKey {
  id: string;
  owner: string;
  provider: string;
  baseUrl: string | null;
  sealedKey: string;
}

export const pool: KeyTable = {
  name: "private.provider_keys",
  words: "keys of the pool",
  columns: (sql) => sql`id, 'platform' as owner, provider, null as "baseUrl", sealed_key as "sealedKey"`,
};

export const ownKeys: KeyTable = {
  name: "private.byok_keys",
  words: "own keys",
  columns: (sql) => sql`id, user_id as owner, provider, base_url as "baseUrl", sealed_key as "sealedKey"`,
};

/** Names the root key of a row, as `readKid` does; null for what is no envelope. */
export function kidOf(sql: Sql): Fragment {
  return sql`substring(sealed_key from '^v1[.]([a-z0-9][a-z0-9_-]{0,31})[.][A-Za-z0-9_-]+$')`;
}

/** Such as `1,234`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
