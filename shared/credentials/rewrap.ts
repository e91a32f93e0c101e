import { type Database, unwrap } from "../database/database.ts";
import { describeCause } from "../domain/describe-cause.ts";
import type { Resealed } from "../keys/sealed-credentials.ts";

interface RewrapOptions {
  database: Database;
  /** Has the runtime wait for work that goes on after the answer. */
  keepAlive(work: Promise<unknown>): void;
  writeLog(line: string): void;
}

/**
 * Stores a key that was used under an old root key as it is sealed under the active one, beside what else is done: keys that are in use
 * follow a rotation by themselves. Where that fails nothing is lost, and `npm run keys -- rewrap` does it.
 */
export function rewrapWith({ database, keepAlive, writeLog }: RewrapOptions): (resealed: Resealed) => void {
  async function rewrap({ id, sealedKey, resealed }: Resealed): Promise<void> {
    try {
      const items = [{ id, sealed_key: sealedKey, resealed }];
      unwrap(await database.rpc("rewrap_keys", { items }));
    } catch (error) {
      writeLog(JSON.stringify({ event: "rewrap_failed", keyId: id, cause: describeCause(error) }));
    }
  }
  return (resealed) => keepAlive(rewrap(resealed));
}
