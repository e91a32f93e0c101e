import { lastFourOf } from "../shared/keys/last-four.ts";

interface KeyRow {
  id: string;
  provider: string;
  sealedKey: string;
  /** Null where there is no key to make it with. */
  fingerprint: string | null;
  /** The key itself, for its last characters. */
  key: string;
}

/** The SQL statement that stores a sealed key. */
export function insertSealedKey({ id, provider, sealedKey, fingerprint, key }: KeyRow): string {
  const values = [id, provider, sealedKey, fingerprint, lastFourOf(key)].map(quote).join(", ");
  return `insert into private.provider_keys (id, provider, sealed_key, fingerprint, last_four) values (${values});`;
}

/** A text as SQL writes it. */
function quote(text: string | null): string {
  return text === null ? "null" : `'${text.replaceAll("'", "''")}'`;
}
