import { type Database, unwrap, unwrapFound } from "../database/database.ts";
import { codeOfRefusal } from "../database/sql-states.ts";
import { toCamelCase, toSnakeCase } from "../domain/camel-case.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Cooldown } from "./byok-keys.ts";
import type { KeyExaminer } from "./key-examiner.ts";

/** A key of the platform's pool, as administrators see it: never the key. Times are ISO 8601. */
export interface ProviderKey {
  id: string;
  provider: string;
  name: string;
  lastFour: string | null;
  /** The same key has the same; null for one that was stored without. */
  fingerprint: string | null;
  /** Its share of the provider's calls, beside the other keys. */
  weight: number;
  isEnabled: boolean;
  /** Calls that the provider answered. */
  useCount: number;
  createdAt: string;
  lastUsedAt: string | null;
  /** What it is left alone for at the moment. */
  cooldowns: Cooldown[];
}

export interface KeyPool {
  list(): Promise<ProviderKey[]>;
  /** @throws SluiceError key_refused, with nothing stored; key_exists; invalid_request */
  add(
    actorId: string,
    given: { provider: string; key: string; name?: string | undefined; weight?: number | undefined },
  ): Promise<ProviderKey>;
  /**
   * Puts another key in the place of one: it gets its name and its weight, and the old one is switched off.
   * @throws SluiceError provider_key_not_found where there is none or it is switched off, and the same
   */
  rotate(actorId: string, id: string, key: string): Promise<ProviderKey>;
  /** What is absent stays. One that is switched on is used again at once. @throws SluiceError provider_key_not_found */
  change(
    actorId: string,
    id: string,
    change: { name?: string | undefined; weight?: number | undefined; isEnabled?: boolean | undefined },
  ): Promise<ProviderKey>;
  /** @throws SluiceError provider_key_not_found */
  remove(actorId: string, id: string): Promise<void>;
}

interface KeyPoolOptions {
  database: Database;
  examiner: KeyExaminer;
  newId(): string;
}

/** The pool by `add_provider_key` and its neighbours. What is done is taken down in the audit log. */
export function createKeyPool({ database, examiner, newId }: KeyPoolOptions): KeyPool {
  const list = async () => unwrap(await database.rpc("list_provider_keys")).map(read);

  async function store(
    actorId: string,
    given: { provider: string; key: string; name?: string | undefined; weight?: number | undefined },
    replaces: string | null,
  ): Promise<ProviderKey> {
    const { name, weight, ...rest } = given;
    const key = { ...rest, baseUrl: null };
    examiner.inspect(key);
    if ((await examiner.ask(key)) === "invalid") throw new SluiceError("key_refused", { param: "key" });
    const { baseUrl: _, ...sealed } = await examiner.seal(key, "platform", newId());
    const answer = await database.rpc("add_provider_key", {
      actor_id: actorId,
      key: toSnakeCase({ ...sealed, name, weight }) as never,
      ...(replaces === null ? {} : { replaces }),
    });
    const { refusal, key: row } = unwrap(answer) as { refusal?: string; key: unknown };
    if (refusal !== undefined) throw new SluiceError(codeOfRefusal(refusal), { param: "key" });
    return read(row);
  }

  return {
    list,
    add: (actorId, given) => store(actorId, given, null),

    async rotate(actorId, id, key) {
      const old = (await list()).find((each) => each.id === id);
      if (old === undefined) throw new SluiceError("provider_key_not_found");
      return store(actorId, { provider: old.provider, key }, id);
    },

    async change(actorId, id, change) {
      const answer = await database.rpc("change_provider_key", {
        ...{ actor_id: actorId, key_id: id },
        change: toSnakeCase(change) as never,
      });
      return read(unwrapFound(answer, "provider_key_not_found"));
    },

    async remove(actorId, id) {
      const answer = await database.rpc("delete_provider_key", { actor_id: actorId, key_id: id });
      if (!unwrap(answer)) throw new SluiceError("provider_key_not_found");
    },
  };
}

function read(row: unknown): ProviderKey {
  return toCamelCase(row) as ProviderKey;
}
