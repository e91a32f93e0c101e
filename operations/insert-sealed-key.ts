interface KeyRow {
  id: string;
  provider: string;
  sealedKey: string;
  /** The key itself, for its last characters. */
  key: string;
}

/** Of a shorter key, four characters would be too large a part. */
const shortestShown = 20;

/** The SQL statement that stores a sealed key. */
export function insertSealedKey({ id, provider, sealedKey, key }: KeyRow): string {
  const lastFour = key.length >= shortestShown ? quote(key.slice(-4)) : "null";
  const values = [quote(id), quote(provider), quote(sealedKey), lastFour].join(", ");
  return `insert into private.provider_keys (id, provider, sealed_key, last_four) values (${values});`;
}

/** A text as SQL writes it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
